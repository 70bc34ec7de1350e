"""Whether a password or its hash was written anywhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..mariadb import PASSWORD
from ..schema import LOGIN_PASSWORD, crypt
from ..watching import KEPT
from .bed import Bed
from .sessions import WRONG_PASSWORD


def secrets() -> dict[str, str]:
    """Everything that must be nowhere, and what to call it."""
    passwords = {
        "a user's password": LOGIN_PASSWORD,
        "a wrong password": WRONG_PASSWORD,
        "the database's password": PASSWORD,
    }
    hashed = crypt(LOGIN_PASSWORD)
    found = dict(passwords) | {"a password's hash": hashed.rpartition("$")[2]}
    for name, password in passwords.items():
        # As the end of AUTH PLAIN's argument, wherever its triples of bytes begin.
        for shift in range(3):
            text = base64.b64encode(b"\0" * shift + password.encode()).decode()
            found[f"{name} in base64 ({shift})"] = text[-(-shift * 4 // 3) : -4]
    return found


def written(bed: Bed) -> dict[str, str]:
    """Everything that was written to somewhere by anybody, by where."""
    texts = {
        "smtpd's log": bed.server.log_text(),
        "syslog": b"\n".join(bed.syslog.datagrams).decode("utf-8", "replace"),
        "tablewatchd's output": bed.daemon.log(),
    }
    kept = bed.server.world.path(KEPT)
    texts["the incidents"] = "\n".join(_read(each) for each in sorted(kept.rglob("*")))
    return texts


def leaks(texts: Mapping[str, str], words: Mapping[str, str]) -> Iterable[str]:
    """Where which secret is; never the secret itself."""
    for where, text in texts.items():
        for name, word in words.items():
            if word in text:
                yield f"{name} is in {where}"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
