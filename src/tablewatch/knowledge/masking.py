"""Taking keys, passwords and hashes out of a line before it is shown.

The lines of a backend repeat keys, and worse: table-ldap prints its own bind password when it
starts, table-redis every value it finds, libpq the parts of a connection string it can't read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tablewatch.knowledge.keys import (
    CUT_MARK,
    HIDDEN,
    MASK,
    describe_key,
    mask_key,
    printable,
)

__all__ = [
    "CUT_MARK",
    "HIDDEN",
    "MASK",
    "describe_key",
    "mask_key",
    "printable",
    "scrub",
]

# A key of fewer bytes is masked only where it is quoted: a login as "to" must not black out half
# the log.
SHORT = 4

_URL = re.compile(r"""([a-z][a-z0-9+.-]*://)(?:[^\s/"'@:]*:[^\s"']*|[^\s/"'@]*)@""", re.I)
_HASHES = re.compile(
    r"""
      \$[0-9a-z][0-9a-z-]{0,30}\$[^\s"'`;|():]+          # crypt(3), argon2, yescrypt, phpass
    | \{[a-z0-9][a-z0-9_.-]{1,30}\}[^\s"'`;|()]+         # {SSHA}, {SHA512-CRYPT}, {PLAIN}
    | \b(?:scram-)?(?:sha|md5|pbkdf2|bcrypt|scrypt|argon2)[\w-]*\$[^\s"'`;|()]+   # Django, SCRAM
    | \*[0-9a-f]{40}                                     # mysql_native_password
    | [0-9a-f]{32,}                                      # bare MD5, SHA
    | (?<!\w)_[./0-9a-z]{19}(?![\w./])                   # BSDi
    """,
    re.I | re.X,
)
# A value: quoted, or up to white space; \ takes the next character along, as in libpq's conninfo.
# What follows the closing quote at once belongs to it: the quote may have been another value's.
_VALUE = (
    r"""(?:(?:"(?:[^"\\]|\\.?)*(?:"|$)|'(?:[^'\\]|\\.?|'')*(?:'|$))(?:\w\S*)?"""
    r"""|(?:\\.|\S)+)"""
)
_PASSWORD = re.compile(
    rf"""(pass(?:word|wd|phrase)|pwd|secret)(["'\])]*\s*(?:->|=>|[:=])\s*)"""
    rf"(?!(?:YES|NO)\)){_VALUE}",
    re.I,
)
# `password VALUE`, but not what databases and SQL say of passwords.
_PASSWORD_WORD = re.compile(
    r"""(?<![\w"'`.])(pass(?:word|wd|phrase)|pwd)(\s+)"""
    r"(?!->|[:=]|(?:authentication|failed|for|from|is|as|and|or|not|does|has|was|in|of|on|must|to"
    rf"|before|required|supplied|expired|where)\b){_VALUE}",
    re.I,
)
# What is a value found in the database, or a piece of a connection string.
_SECRET_PHRASES = re.compile(
    r"""((?:\(result =|missing "=" after|percent-encoded token:) ")(?:.*("\)?$|" in conn)|.*)""",
    re.S,
)
# What is a key or made from one. The quote that ends it is the last that can: keys hold quotes.
_KEY_PHRASES = re.compile(
    r"""
    ( key\ too\ long:\ "
    | \bvalue:\ ["'] | \bcharacter\ string:\ ["'] | \bsyntax\ for\ type\ [\w ]{1,60}:\ ["']
    | \bparameter\ \$\d{1,4}\ =\ ' | Cannot\ convert\ string\ ' | Duplicate\ entry\ '
    )
    (?: (.*) (["'])(?=$|\ for\ (?:column|function|key)|\ from\ ) | (.*) )
    """,
    re.X | re.S,
)
_SEVERAL = re.compile(r'(\breq ")(?:(.*)(" returned more then one attr)|(.*))', re.S)
_FILTER = re.compile(r"(ldap_query: filter=)(?:.*(, ret=-?\d+)$|.*)", re.S)
_ADDRESS = re.compile(r"""(?<![^\s"'<>()\[\]:;,|])[^\s"<>()\[\]:;,|@]+@[^\s"'<>()\[\]:;,|]+""")


def scrub(
    text: str, keys: Iterable[bytes], *, show_keys: bool = False, secrets: Iterable[bytes] = ()
) -> str:
    """Return `text` without what nobody may see.

    Password hashes, passwords and the user part of URLs are always taken out, and so are
    `secrets`: keys of ``auth``, which hold a password. Unless `show_keys`, so are the given `keys`,
    however the line writes them, whatever else looks like a key, and the local part of every mail
    address. Host names and IP addresses stay.

    Costs tens of microseconds: for lines that are shown, not for every line of a flood.
    """
    text = _URL.sub(rf"\1{MASK}@", text)
    text = _SECRET_PHRASES.sub(rf"\1{MASK}\2", text)
    text = _PASSWORD.sub(rf"\1\2{MASK}", text)
    text = _PASSWORD_WORD.sub(rf"\1\2{MASK}", text)
    text = _HASHES.sub(MASK, text)
    for form, _, short in _forms(secrets):
        text = _replace_quoted(text, form, HIDDEN) if short else _replace(text, form, HIDDEN)
    if show_keys:
        return text
    for form, masked, short in _forms(keys):
        text = _replace_quoted(text, form, masked) if short else _replace(text, form, masked)
    text = _FILTER.sub(rf"\1{MASK}\2", text)
    text = _SEVERAL.sub(_mask_phrase, text)
    text = _KEY_PHRASES.sub(_mask_phrase, text)
    return _ADDRESS.sub(_mask_address, text) if "@" in text else text


def _forms(keys: Iterable[bytes]) -> list[tuple[str, str, bool]]:
    """Return every way a line may write one of `keys`, its mask, and whether the key is short.

    The longest come first: one key may be a part of another.
    """
    found: set[tuple[str, str, bool]] = set()
    for key in keys:
        text = key.decode("utf-8", "backslashreplace")
        latin1 = key.decode("latin-1")
        bytewise = latin1.encode("unicode_escape").decode("ascii")  # MariaDB: '\xC5\x82'
        forms = {text, printable(key), latin1, printable(latin1.encode("utf-8")), key.hex()}
        forms |= {bytewise, bytewise.replace("\\\\", "\\")}
        forms.add(text.encode("unicode_escape").decode("ascii"))
        forms.add(text.encode("ascii", "backslashreplace").decode("ascii"))
        for quote, written in (("'", "''"), ("'", "\\'"), ('"', '\\"')):
            forms |= {form.replace(quote, written) for form in forms}
        masked, short = mask_key(key, None), len(key) < SHORT
        found |= {(form, masked, short) for form in forms if form}
    return sorted(found, key=lambda way: (-len(way[0]), way))


def _replace(text: str, form: str, masked: str) -> str:
    if form.lower() in text.lower():
        text = re.sub(re.escape(form), lambda _: masked, text, flags=re.I)
    if text.endswith(CUT_MARK):  # the cut may have gone through a key
        kept = text[: -len(CUT_MARK)]
        for length in range(min(len(form) - 1, len(kept)), SHORT - 1, -1):
            if kept[-length:].lower() == form[:length].lower():
                return kept[:-length] + masked + CUT_MARK
    return text


def _replace_quoted(text: str, form: str, masked: str) -> str:
    pattern = rf"""(?<=["'`(=<]){re.escape(form)}(?=["'`),>]|$)"""
    return re.sub(pattern, lambda _: masked, text, flags=re.I)


def _mask_phrase(found: re.Match[str]) -> str:
    before, key, quote, unended = found.groups(default="")
    key += unended
    shown = key if key in ("", CUT_MARK) else mask_key(key.encode("utf-8", "replace"), None)
    return f"{before}{shown}{quote}"


def _mask_address(found: re.Match[str]) -> str:
    whole = found.group()
    address = whole.lstrip("'").rstrip(".")
    if address.partition("@")[0].endswith(MASK):
        return whole
    start = whole.index(address)
    masked = mask_key(address.encode("utf-8", "replace"), None)
    return whole[:start] + masked + whole[start + len(address) :]
