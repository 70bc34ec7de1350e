from tablewatch.daemon.web import service
from tablewatch.daemon.web.service import Log


def test_the_same_is_logged_once_in_a_while(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(service.time, "monotonic", lambda: now[0])
    written = []
    log = Log(written.append)
    for text in ("a", "a", "b", "a"):
        log(text)
    assert written == ["a", "b", "a"]
    now[0] += 61.0
    log("a")
    assert written == ["a", "b", "a", "a"]


def test_trouble_is_told_with_its_kind():
    written = []
    Log(written.append).trouble("client", ValueError("x"))
    assert written == ["web: client: ValueError: x"]


def test_without_a_log_there_is_stderr(capsys):
    Log(None)("hello")
    assert capsys.readouterr().err == "hello\n"
