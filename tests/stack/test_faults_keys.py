"""The keys that somebody who may talk SMTP can say: all of them are among the faults."""

from __future__ import annotations

from .faults.acts_keys import binaries, longs

SMTPD_MESSAGE = 16384  # bytes, the largest of the imsg protocol


def test_every_byte_that_is_no_letter_is_tried() -> None:
    together = b"".join(binaries())
    separate = {*range(1, 32), *range(127, 256)} - {ord("\n")}  # which has a fault of its own
    assert separate <= set(together)
    assert b"\0" in together
    assert b"\n" not in together


def test_invalid_utf8_is_tried() -> None:
    def valid(key: bytes) -> bool:
        try:
            key.decode()
        except UnicodeDecodeError:
            return False
        return True

    assert sum(not valid(key) for key in binaries()) >= 5


def test_no_binary_key_is_tried_twice() -> None:
    assert len(set(binaries())) == len(binaries())


def test_keys_are_as_long_as_a_message_can_be() -> None:
    lengths = [len(key) for key in longs()]
    assert lengths == sorted(lengths)
    assert lengths[0] < 100
    assert lengths[-1] >= SMTPD_MESSAGE
