"""The lines an administrator reads."""

from tablewatch.core import wording
from tablewatch.core.backend import Backend, Pending
from tablewatch.protocol.messages import Operation
from tablewatch.protocol.text import TEXT


def test_a_request_is_shown_with_its_key_masked():
    request = TEXT.request("creds", Operation.LOOKUP, "credentials", b"alice@example.org")
    assert wording.shown(request, show_keys=False) == "lookup credentials a***@example.org"


def test_an_update_has_neither_service_nor_key():
    assert wording.shown(TEXT.request("creds", Operation.UPDATE), show_keys=False) == "update"


def test_keys_are_shown_on_request_with_nothing_that_could_harm_a_terminal():
    assert wording.shown_key("alias", b"a\x1b[1m\n", show_keys=True) == "a\\x1b[1m\\n"


def test_auth_keys_are_never_shown():
    assert "secret" not in wording.shown_key("auth", b"alice:secret", show_keys=True)


def test_a_loss_tells_what_why_and_what_follows():
    backend = Backend(1, TEXT.backend_codec(), 0.0, 30.0)
    backend.last_words = "warn: something"
    request = TEXT.request("creds", Operation.CHECK, "domain", b"example.org")
    pending = Pending(request, 0.0, 5.0)
    text = wording.loss(backend, pending, "exit", "killed by SIGKILL", 2.5, show_keys=True)
    assert text == (
        "backend went away (killed by SIGKILL); during check domain example.org: answered error; "
        'it said "warn: something"; next start in 2.5 s'
    )


def test_an_immediate_replacement_is_said_so():
    backend = Backend(1, TEXT.backend_codec(), 0.0, 30.0)
    text = wording.loss(backend, None, "deadline", "silent for 5.0 s", 0.0, show_keys=False)
    assert text == "backend did not answer in time (silent for 5.0 s); replaced"


def test_a_probe_is_nobodys_lookup():
    backend = Backend(1, TEXT.backend_codec(), 0.0, 30.0)
    request = TEXT.request("creds", Operation.LOOKUP, "domain", b"example.org")
    probe, asked = Pending(request, 0.0, 5.0, probe=True), Pending(request, 0.0, 5.0)
    text = wording.loss(backend, probe, "exit", "killed by SIGKILL", 0.0, show_keys=True)
    assert text == (
        "backend went away (killed by SIGKILL); during lookup domain example.org: a probe; replaced"
    )
    assert wording.replaced(probe) == wording.replaced(None) == "the backend was replaced"
    answered = "the lookup got a temporary error, the backend was replaced"
    assert wording.replaced(asked) == answered


def test_once_is_a_word():
    assert [wording.times(each) for each in (1, 2)] == ["once", "2 times"]
