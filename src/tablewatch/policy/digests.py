"""Keys in the form in which they may be remembered."""

from __future__ import annotations

# As `random` of the standard library does it: hashlib brings OpenSSL with it, which would be a
# sixth of a supervisor's memory.
try:
    from _blake2 import blake2b
except ImportError:  # an interpreter built otherwise
    from hashlib import blake2b

# Keys of these services hold a clear-text password (`user:password`, smtpd-tables(7)) and are not
# remembered in any form: even a salted digest would let a guess be tested.
NEVER_REMEMBERED = frozenset({"auth"})


class KeyHasher:
    """Turns (service, key) into a salted BLAKE2 digest of 16 bytes.

    What is remembered of keys ends up in core dumps and on status pages; whoever reads it there
    must not learn who tried to log in. A part of a digest may be shown as an id: without the salt
    it can't be told from a random number, and each process has its own salt.
    """

    def __init__(self, salt: bytes) -> None:
        """`salt`: 16 to 64 random bytes, new for each process; ValueError otherwise."""
        if not 16 <= len(salt) <= 64:
            raise ValueError(f"a salt has 16 to 64 bytes, not {len(salt)}")
        self._salted = blake2b(digest_size=16, key=salt)

    def digest(self, service: str, key: bytes) -> bytes | None:
        """Return the digest of `key` as looked up in `service`; None if it can't be kept."""
        if service in NEVER_REMEMBERED:
            return None
        salted = self._salted.copy()
        salted.update(service.encode() + b"\0" + key)
        return salted.digest()
