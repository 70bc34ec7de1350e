from tablewatch.doctor.keys import NASTY, PLAIN
from tablewatch.keytraits import Trait, traits_of


def test_every_trait_that_databases_fail_on_is_there():
    traits = Trait(0)
    for each in NASTY:
        traits |= traits_of(each.key)
    assert traits == ~Trait(0)
    assert not traits_of(PLAIN.key)


def test_no_key_is_anybodys_and_none_has_what_smtpd_can_not_send():
    for each in (PLAIN, *NASTY):
        assert b"\0" not in each.key
        assert len(each.key) < 2048
        assert b"@" not in each.key or each.key.endswith(b".invalid")


def test_a_key_is_shown_in_a_few_characters():
    shown = [str(each) for each in NASTY]
    assert all(len(each) < 80 and each.isprintable() for each in shown)
    assert 'newline ("a\\nb@x.invalid")' in shown
    assert 'very long ("aaaa... of 2000 bytes")' in shown
    assert "empty" in shown
