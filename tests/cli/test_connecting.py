import pytest

from tablewatch.cli.asking import Target
from tablewatch.cli.connecting import connect
from tablewatch.errors import BackendFailed
from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import Operation
from tablewatch.protocol.text import TEXT

PATIENCE = 60.0


@pytest.fixture
def heard():
    return []


@pytest.fixture
def open_backend(libexec, heard):
    def open_backend(name, dialects=(TEXT, IMSG), timeout=PATIENCE):
        target = Target(str(libexec.path / f"table-{name}"), str(libexec.conf), "users")
        return connect(target, dialects, timeout, heard.append, 2)

    return open_backend


@pytest.mark.parametrize("dialect", [TEXT, IMSG], ids=["text", "imsg"])
def test_the_protocol_is_found_out(open_backend, libexec, dialect):
    with open_backend(dialect.name) as asker:
        assert asker.dialect is dialect
    libexec.wait_until_all_are_gone()


def test_only_what_was_said_to_the_right_protocol_is_heard(open_backend, heard):
    with open_backend("imsg") as asker:
        asker.ask(Operation.UPDATE, None, None, PATIENCE)  # "started" comes before the answer
        assert [line.partition(b": ")[2] for line in heard] == [b"debug: started"]


def test_a_backend_that_waits_for_more_of_the_wrong_greeting_is_left_after_half_the_time(
    open_backend, libexec
):
    with open_backend("text", (IMSG, TEXT), timeout=2.0) as asker:
        assert asker.dialect is TEXT
    assert len(libexec.pids()) == 2
    libexec.wait_until_all_are_gone()


def test_when_no_protocol_is_right_each_reason_is_told(open_backend, heard, libexec):
    with pytest.raises(BackendFailed) as raised:
        open_backend("imsg", (TEXT,))
    assert "backend exited with status 1" in str(raised.value)
    with pytest.raises(BackendFailed) as raised:
        open_backend("text", (TEXT.__class__(), IMSG), timeout=0.0)
    assert "handshake not finished within 0 s" in str(raised.value)
    libexec.wait_until_all_are_gone()


def test_a_backend_that_is_down_is_told_once(open_backend, heard):
    with pytest.raises(BackendFailed) as raised:
        open_backend("down")
    assert str(raised.value).count("exited with status 1") == 1
    assert len(heard) == 1
