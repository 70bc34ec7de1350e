"""Passwords of the status page: bcrypt, by the system's crypt(3).

No bcrypt is in Python's standard library; crypt(3) has it on OpenBSD (libc) and on Linux
(libxcrypt, musl). The variants $2a$, $2b$ and $2y$ are the same for what anybody types; OpenBSD
knows only the first two, so $2y$, which htpasswd writes, is taken for $2b$.

bcrypt is slow on purpose, so guessing costs this host, too. Only one password is computed at a
time, and after a wrong one nobody computes for three times as long as it took: a quarter of one
processor is all that an attacker gets. Who has been let in once is not computed again.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import hashlib
import hmac
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping

# Above it one password takes seconds. Go's lower bound, which promtool knows, is 4.
MIN_COST, MAX_COST = 4, 14
_HASH = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")

# A test vector of crypt_blowfish, which all others are tested with.
_KNOWN = (b"U*U", b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")

_LONGEST = 1024  # bytes of a user or a password; bcrypt looks at the first 72
_REMEMBERED = 64  # users let in; their passwords can't be told from what is kept
_REST = 3.0  # times what a wrong password took
_LONGEST_REST = 2.0  # seconds

# crypt(3) has one buffer for the whole process.
_one_at_a_time = threading.Lock()


class Passwords:
    """Users and the hashes of their passwords. Safe to be asked by many threads."""

    def __init__(self, users: Mapping[str, str]) -> None:
        """`users`: name to a hash for which :func:`hash_trouble` knows no trouble."""
        self._hashes = {name.encode(): _for_crypt(each) for name, each in users.items()}
        # An unknown user must take as long as a known one.
        dearest = max(self._hashes.values(), key=lambda each: each[4:6])
        self._nobody = dearest[:7] + b"." * 53
        self._salt = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._known_lock = threading.Lock()
        self._not_before = 0.0

    def check(self, user: bytes, password: bytes, until: float) -> bool | None:
        """Return whether this is the user's password.

        None if others wait so long that it can't be told before `until` (monotonic seconds).
        """
        if len(user) > _LONGEST or len(password) > _LONGEST or b"\0" in password:
            return False
        token = self._token(user, password)
        if self._remembers(token):
            return True
        if not _one_at_a_time.acquire(timeout=max(0.0, until - time.monotonic())):
            return None
        try:
            return self._remembers(token) or self._compute(user, password, token, until)
        finally:
            _one_at_a_time.release()

    def _compute(self, user: bytes, password: bytes, token: bytes, until: float) -> bool | None:
        begun = time.monotonic()
        if self._not_before > begun:
            if self._not_before >= until:
                return None
            time.sleep(self._not_before - begun)
            begun = time.monotonic()
        expected = self._hashes.get(user, self._nobody)
        good = hmac.compare_digest(_crypt(password, expected), expected)
        if good and user in self._hashes:
            self._remember(token)
            return True
        done = time.monotonic()
        self._not_before = done + min(_REST * (done - begun), _LONGEST_REST)
        return False

    def _token(self, user: bytes, password: bytes) -> bytes:
        """Return what may be kept of a password: as good as random to who has not the salt."""
        record = len(user).to_bytes(4, "big") + user + password
        return hashlib.blake2b(record, key=self._salt).digest()

    def _remembers(self, token: bytes) -> bool:
        with self._known_lock:
            if token not in self._known:
                return False
            self._known.move_to_end(token)
            return True

    def _remember(self, token: bytes) -> None:
        with self._known_lock:
            self._known[token] = None
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)


def hash_trouble(text: str) -> str:
    """Return why `text` is no hash to compare with, "" if it is one. Never tells the text."""
    match = _HASH.fullmatch(text)
    if match is None:
        return "no bcrypt hash; make one with: htpasswd -nBC 10 NAME, or on OpenBSD: encrypt -b 10"
    if not MIN_COST <= int(match[1]) <= MAX_COST:
        return f"a cost of {match[1]}; write one of {MIN_COST} to {MAX_COST} (10 is usual)"
    return ""


def crypt_trouble() -> str:
    """Return why no password can be checked on this system, "" if it can."""
    if _function() is not None:
        return ""
    return (
        "crypt(3) of this system does not know bcrypt; leave basic_auth_users out and have relayd "
        "or nginx ask for the password"
    )


def _for_crypt(text: str) -> bytes:
    return b"$2b$" + text[4:].encode() if text.startswith("$2y$") else text.encode()


def _crypt(password: bytes, setting: bytes) -> bytes:
    function = _function()
    answer = function(password, setting) if function is not None else None
    return answer if isinstance(answer, bytes) else b""


@functools.cache
def _function() -> Callable[[bytes, bytes], object] | None:
    """Return the first crypt(3) that passes a test vector."""
    for library in _libraries():
        try:
            function = ctypes.CDLL(library).crypt
        except (OSError, AttributeError):
            continue
        function.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
        function.restype = ctypes.c_char_p
        if function(*_KNOWN) == _KNOWN[1]:
            return function
    return None


def _libraries() -> Iterator[str | None]:
    """Yield where crypt(3) may be: libc (OpenBSD, musl), libxcrypt, elsewhere."""
    yield None
    yield "libcrypt.so.1"
    yield "libcrypt.so.2"
    yield ctypes.util.find_library("crypt")
