import pytest

from tablewatch.cli.asking import Asker, Target
from tablewatch.errors import BackendFailed
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import Operation, Verdict
from tablewatch.protocol.text import TEXT

PATIENCE = 60.0


@pytest.fixture(params=[TEXT, IMSG], ids=["text", "imsg"])
def dialect(request):
    return request.param


@pytest.fixture
def start(libexec, dialect):
    """Start a backend that is ended with the test."""
    started = []

    def start(name=dialect.name, max_retries=2, heard=lambda line: None):
        target = Target(str(libexec.path / f"table-{name}"), str(libexec.conf), "users")
        started.append(Asker(target, dialect, heard, max_retries))
        return started[-1]

    yield start
    for asker in started:
        asker.close(at_once=True)


def lookup(asker, key, timeout=PATIENCE):
    return asker.ask(Operation.LOOKUP, "credentials", key, timeout)


def test_one_backend_answers_many_questions(start, libexec):
    with start() as asker:
        asker.greet(PATIENCE)
        assert lookup(asker, b"alice").value == b"$6$hash"
        assert lookup(asker, b"nobody").verdict is Verdict.NOT_FOUND
        assert lookup(asker, b"error").verdict is Verdict.ERROR
        assert lookup(asker, b"alice").value == b"$6$hash"
    assert len(libexec.pids()) == 1
    libexec.wait_until_all_are_gone()


def test_closing_twice_is_no_error(start, libexec):
    asker = start()
    asker.greet(PATIENCE)
    asker.close()
    asker.close()
    libexec.wait_until_all_are_gone()


def test_an_exception_in_between_ends_the_backend(start, libexec):
    asker = start()
    asker.greet(PATIENCE)
    with pytest.raises(KeyError), asker:
        raise KeyError
    assert len(libexec.pids()) == 1
    libexec.wait_until_all_are_gone()


def test_a_question_that_cannot_be_put_leaves_the_backend_usable(start):
    with start() as asker:
        asker.greet(PATIENCE)
        with pytest.raises(ValueError):  # noqa: PT011 - whatever the dialect says
            asker.ask(Operation.LOOKUP, "credentials", b"a\0b", PATIENCE)
        assert lookup(asker, b"alice").verdict is Verdict.FOUND


def test_what_the_retries_were_about_is_told_in_words_and_lines(start):
    heard: list[bytes] = []
    with start(heard=heard.append) as asker:
        asker.greet(PATIENCE)
        with pytest.raises(BackendFailed, match="ended after"):
            lookup(asker, b"loop")
        assert asker.cause
    assert any(b"Illegal mix of collations" in line for line in heard)


def test_without_a_limit_on_retries_the_time_ends_a_loop(start, libexec):
    with start(max_retries=None) as asker:
        asker.greet(PATIENCE)
        with pytest.raises(BackendFailed, match=r"no answer within 0\.2 s: "):
            lookup(asker, b"loop", timeout=0.2)
        asker.close(at_once=True)
    libexec.wait_until_all_are_gone()


def test_a_program_that_cannot_be_started_is_named(start, libexec):
    with pytest.raises(BackendFailed, match="table-none: No such file"):
        start("none")


def test_a_backend_that_leaves_in_its_handshake_says_how_and_why(start):
    with start("down") as asker, pytest.raises(BackendFailed) as raised:
        asker.greet(PATIENCE)
    assert str(raised.value).startswith("backend exited with status 1")
