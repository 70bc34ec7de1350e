"""What of a lookup key may be shown, and what kind of key it is.

Keys are addresses of people, and sometimes a password typed into the wrong field.
"""

from __future__ import annotations

import re

from tablewatch.keytraits import Trait, traits_of

MASK = "***"
CUT_MARK = "..."
HIDDEN = "(hidden)"
MAX_DOMAIN = 60

_DOMAIN = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{0,62}")


def printable(data: bytes) -> str:
    """Return `data` as text of one line: what can't be decoded or printed is escaped."""
    text = data.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def mask_key(key: bytes, service: str | None) -> str:
    """Return `key` as it may be shown: ``a***@example.org``, ``a***``.

    The first character is shown where it is an ASCII letter or digit and not all there is; the
    domain where it is written as one with a dot, so that a password with an ``@`` in it is not
    taken for an address. Nothing of an ``auth`` key is shown: it holds a password.
    """
    if service == "auth":
        return HIDDEN
    local, at, domain = key.decode("latin-1").rpartition("@")
    if not at or len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        local, at, domain = key.decode("latin-1"), "", ""
    if len(domain) > MAX_DOMAIN:
        domain = CUT_MARK + domain[len(CUT_MARK) - MAX_DOMAIN :]
    first = local[0] if len(local) > 1 and local[0].isascii() and local[0].isalnum() else ""
    return f"{first}{MASK}{at}{domain}"


def describe_key(key: bytes) -> str:
    """Return what kind of key this is, for a diagnosis; one character of it at most.

    Not for ``auth`` keys: even the length of a password is nobody's business.
    """
    found = traits_of(key)
    parts = ["1 byte" if len(key) == 1 else f"{len(key)} bytes"]
    if Trait.INVALID_UTF8 in found:
        parts.append("not valid UTF-8")
    elif key.isascii():
        parts.append("ASCII")
    else:
        parts.append(_describe_beyond_ascii(key.decode("utf-8"), found))
    if Trait.CONTROL in found:
        parts.append("control characters")
    return ", ".join(parts)


def _describe_beyond_ascii(text: str, found: Trait) -> str:
    if Trait.FOUR_BYTE_UTF8 in found:
        odd = next(char for char in text if char > "\uffff")
        return f"contains {_codepoint(odd)}, four-byte UTF-8, which utf8mb3 and latin1 cannot hold"
    if Trait.BEYOND_LATIN1 in found:
        odd = next(char for char in text if Trait.BEYOND_LATIN1 in traits_of(char.encode()))
        return f"contains {_codepoint(odd)}, which latin1 cannot hold"
    odd = max(text)
    if odd > "\xff":
        return f"contains {_codepoint(odd)}, which MySQL's latin1 (cp1252) holds, ISO 8859-1 not"
    return "not ASCII, but within latin1"


def _codepoint(char: str) -> str:
    return f"U+{ord(char):04X}"
