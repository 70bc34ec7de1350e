import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.knowledge.keys import (
    describe_key,
    mask_key,
    printable,
)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("alice@example.org", "a***@example.org"),
        ("ałice@example.org", "a***@example.org"),
        ("a@b@example.org", "a***@example.org"),
        ("alice", "a***"),
        ("7seas", "7***"),
        ("", "***"),
        ("@example.org", "***@example.org"),
        ("192.0.2.7", "1***"),
    ],
)
def test_a_key_is_shown_by_its_first_character_and_its_domain(key, shown):
    assert mask_key(key.encode(), "credentials") == shown


@pytest.mark.parametrize("key", ["a", "a@example.org"])
def test_a_single_character_is_not_shown(key):
    assert mask_key(key.encode(), None).startswith("***")


@pytest.mark.parametrize("key", [b"\xffoo", "łukasz".encode(), b"\x1b[31m", b"'or", b" x", b"*x"])
def test_a_first_character_that_is_no_ascii_letter_or_digit_is_not_shown(key):
    assert mask_key(key, None) == "***"


@pytest.mark.parametrize(
    "key",
    [
        b"alice@localhost",
        b"P@ssw0rd",
        b"p@ss word.org",
        b"alice@example.org:secret",
        "alice@exämple.org".encode(),
        b"alice@example.org\x00",
        b"alice@-.4",
        b"alice@" + b"a." * 127 + b"org",
    ],
)
def test_what_follows_the_at_is_shown_only_if_it_is_a_domain(key):
    assert mask_key(key, None) == f"{chr(key[0])}***"


def test_of_a_long_domain_the_end_is_shown():
    domain = ".".join(["label"] * 20) + ".org"
    shown = mask_key(f"alice@{domain}".encode(), None)
    assert shown.startswith("a***@...")
    assert shown.endswith("label.org")
    assert len(shown) == 65


def test_nothing_of_an_auth_key_is_shown():
    assert mask_key(b"alice@example.org:secret", "auth") == "(hidden)"


@given(st.binary(max_size=300), st.sampled_from([None, "alias", "credentials", "auth"]))
def test_a_masked_key_is_short_printable_ascii_without_the_key(key, service):
    shown = mask_key(key, service)
    assert len(shown) <= 65
    assert shown.isascii()
    assert shown.isprintable()
    if len(key) >= 4 and b"*" not in key and service != "auth":
        assert key.decode("latin-1") not in shown


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (b"alice@example.org", "17 bytes, ASCII"),
        (b"x", "1 byte, ASCII"),
        ("ałice".encode(), "6 bytes, contains U+0142, which latin1 cannot hold"),
        (
            "😀".encode(),
            "4 bytes, contains U+1F600, four-byte UTF-8, which utf8mb3 and latin1 cannot hold",
        ),
        ("é".encode(), "2 bytes, not ASCII, but within latin1"),
        (
            "5€".encode(),
            "4 bytes, contains U+20AC, which MySQL's latin1 (cp1252) holds, ISO 8859-1 not",
        ),
        (b"\xff", "1 byte, not valid UTF-8"),
        (b"a\nb", "3 bytes, ASCII, control characters"),
    ],
)
def test_a_key_is_described_by_its_kind(key, words):
    assert describe_key(key) == words


@given(st.text(st.characters(codec="utf-8"), min_size=4, max_size=30))
def test_a_description_shows_no_key(text):
    # Every word of it comes from here, so a key can be in it only by being one of its words.
    vocabulary = describe_key(b"") + describe_key("ł€é😀\x01".encode()) + describe_key(b"\xff\x01")
    if text not in vocabulary:
        assert text not in describe_key(text.encode())


@given(st.binary(max_size=100))
def test_printable_bytes_are_one_line(data):
    text = printable(data)
    assert text.isprintable()
    assert len(text.splitlines()) <= 1


def test_printable_keeps_what_can_be_read():
    assert printable("ał \\ €".encode()) == "ał \\ €"
