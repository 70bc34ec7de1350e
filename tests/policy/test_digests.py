"""KeyHasher: what may be remembered of a key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.policy.digests import KeyHasher

SALT = b"0123456789abcdef"


def test_a_digest_is_the_same_each_time():
    hasher = KeyHasher(SALT)
    assert hasher.digest("alias", b"key") == hasher.digest("alias", b"key")


def test_nothing_is_made_of_auth_keys():
    assert KeyHasher(SALT).digest("auth", b"alice:secret") is None


def test_another_salt_gives_other_digests():
    assert KeyHasher(SALT).digest("alias", b"key") != KeyHasher(SALT[::-1]).digest("alias", b"key")


@pytest.mark.parametrize("salt", [b"", b"too short", b"s" * 65])
def test_a_salt_of_another_length_is_refused(salt):
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        KeyHasher(salt)


ASKED = st.tuples(st.sampled_from(["a", "ab", "alias", "credentials"]), st.binary(max_size=8))


@given(ASKED, ASKED)
def test_digests_differ_where_service_or_key_differ(one, other):
    hasher = KeyHasher(SALT)
    assert (hasher.digest(*one) == hasher.digest(*other)) == (one == other)
