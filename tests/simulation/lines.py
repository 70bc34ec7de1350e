"""What the simulated backends write to their stderr."""

from tests.simulation.keys import HASH, SECRET

_RETRY = b"creds[7]: warn: trying to reconnect after error: "
COLLATION = (
    _RETRY + b"Illegal mix of collations (latin1_swedish_ci,IMPLICIT) and "
    b"(utf8mb4_general_ci,COERCIBLE) for operation '='"
)
GONE = _RETRY + b"MySQL server has gone away"
REGEX = _RETRY + b"Got error 'quantifier does not follow a repeatable item' from regexp"
RECONNECT = b"creds[7]: debug: (re)connecting"
DOWN = b"creds[7]: warn: mysql_real_connect: Can't connect to server on 'db' (111)"
CROWDED = b"creds[7]: warn: mysql_real_connect: Too many connections"
DENIED = b"creds[7]: warn: mysql_real_connect: Access denied for user 'mail'@'db'"
COLUMN = b"creds[7]: warn: mysql_stmt_prepare: Unknown column 'c_passwort' in 'field list'"
FATAL = b"creds[7]: fatal: could not connect"
ODD = b"creds[7]: warn: mysql_stmt_execute: something never heard of"
CHAT = b"creds[7]: debug: hello"

SPONTANEOUS = {
    "chat": [CHAT, b""],
    "fatal": [FATAL],
    "odd": [ODD],
    "denied": [DENIED],
    "reconnect": [RECONNECT],
    "secrets": [
        f"creds[7]: debug: row 1: {HASH}".encode(),
        f'creds[7]: debug: (result = "{HASH}")'.encode(),
        f"creds[7]: debug: password={SECRET}unter2 host=db".encode(),
        f"creds[7]: warn: could not parse mysql://mail:{SECRET}@db/mail".encode(),
    ],
    "binary": [b"\xff\xfe\x00" * 30, b"x" * 5000],
}


def quoting(key):
    """Lines that repeat a key, in the forms databases have."""
    text = key.decode("utf-8", "backslashreplace").encode()
    return [
        b'creds[7]: warn: key too long: "' + text + b'"',
        b"creds[7]: warn: no such user " + text,
        b"creds[7]: warn: mysql_stmt_execute: Cannot convert string '"
        + key.decode("latin-1").encode("unicode_escape")
        + b"' from utf8mb4 to latin1",
    ]


def flood(count, kinds):
    """So many lines, of up to eight times so many kinds; a number would be no difference."""
    letters = bytes.maketrans(b"01234567", b"ghijklmn")
    words = [b"%o" % (each % (8 * kinds)) for each in range(count)]
    return [b"creds[7]: debug: nothing of kind " + word.translate(letters) for word in words]
