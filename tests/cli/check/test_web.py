"""Asking over HTTP: what is sent, and that no answer can surprise us."""

import base64
import json
import socket
import ssl
import subprocess

import pytest
from tests.cli.check.scene import FakeWeb, sends
from tests.support.programs import need
from tests.support.statuses import everything

from tablewatch.cli.check import web
from tablewatch.cli.check.options import Options
from tablewatch.cli.check.sources import status
from tablewatch.control.wire import MAX_REPLY
from tablewatch.daemon.web import api
from tablewatch.errors import ControlError, DaemonAbsent, DaemonSilent

# As the daemon writes it.
GOOD = api.encode(everything())


def ask(url, **options):
    return status(Options(url=url, **options))[0]


def trouble(answer, kind=ControlError, **options):
    """What is raised, exactly of `kind`."""
    with FakeWeb(answer) as server, pytest.raises(kind) as raised:
        ask(server.url, **options)
    assert raised.type is kind
    return str(raised.value)


@pytest.fixture
def credentials(tmp_path):
    file = tmp_path / "credentials"
    file.write_text("nagios:s3cret: with ünlauts\nanother line\n")
    file.chmod(0o640)
    return file


def test_the_status_is_that_of_the_page():
    with FakeWeb(sends(GOOD)) as server:
        assert ask(server.url) == everything()
    ((path, headers),) = server.requests
    assert path == "/api/v1/status"
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("/", "/api/v1/status"),
        ("/tablewatch/", "/tablewatch/api/v1/status"),
        ("/api/v1/status", "/api/v1/status"),
    ],
)
def test_the_page_may_be_below_a_path(base, path):
    with FakeWeb(sends(GOOD)) as server:
        ask(server.url + base)
    assert server.requests[0][0] == path


def test_user_and_password_come_from_the_first_line_of_a_file(credentials):
    with FakeWeb(sends(GOOD)) as server:
        ask(server.url, credentials=str(credentials))
    kind, _, sent = server.requests[0][1]["Authorization"].partition(" ")
    assert kind == "Basic"
    assert base64.b64decode(sent).decode() == "nagios:s3cret: with ünlauts"


@pytest.mark.parametrize("text", ["", "nagios", ":secret", "nagios:", "\nnagios:x", "a:" * 600])
def test_a_file_without_user_and_password_is_refused(credentials, text):
    credentials.write_text(text)
    with pytest.raises(ControlError, match="is to be user:password"):
        ask("http://127.0.0.1:1", credentials=str(credentials))


def test_a_password_that_everybody_can_read_is_refused(credentials):
    credentials.chmod(0o644)
    with pytest.raises(ControlError, match="chmod o= "):
        ask("http://127.0.0.1:1", credentials=str(credentials))


def test_only_a_file_is_read(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ControlError, match="--credentials"):
            ask("http://127.0.0.1:1", credentials=str(path))


@pytest.mark.parametrize(
    "url",
    [
        *("127.0.0.1:10099", "ftp://mx", "file:///etc/passwd", "http://", "http:///x", "//mx"),
        *("http://mx:0", "http://mx:99999", "http://mx:x", "http://[::1", "http://mx/a b"),
        *("http://müx", "http://mx/\r\nX: y", ""),
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ControlError, match="write one like http://127"):
        web.fetch(Options(url=url))


def test_no_password_may_stand_in_an_address():
    for user in ("nagios", "nagios:hunter2", ":hunter2"):
        with pytest.raises(ControlError, match="use --credentials FILE") as raised:
            ask(f"http://{user}@127.0.0.1:1")
        assert "hunter2" not in str(raised.value)


def test_what_the_api_does_not_know_is_refused():
    for more in ("?table=creds", "#creds"):
        with pytest.raises(ControlError, match="behind"):
            ask(f"http://127.0.0.1:1/{more}")


def test_a_redirect_is_not_followed():
    with FakeWeb(sends(GOOD)) as other:
        said = trouble(sends(b"", 302, Location=f"{other.url}/api/v1/status"))
    assert other.requests == []
    assert "answered 302, a redirect; write the address it leads to" in said


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_no_proxy_is_asked(monkeypatch, variable):
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    with FakeWeb(sends(GOOD)) as server:
        assert ask(server.url) == everything()


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (401, ControlError, "it wants a user and password: --credentials FILE"),
        (403, ControlError, "it wants a user and password"),
        (404, ControlError, "is it tablewatchd's address?"),
        (204, ControlError, "is it tablewatchd's address?"),
        (500, DaemonAbsent, "look at the log"),
        (503, DaemonAbsent, "look at the log"),
    ],
)
def test_another_answer_is_told(code, kind, said):
    assert said in trouble(sends(b"", code), kind)


def test_a_password_that_was_refused_is_told(credentials):
    said = trouble(sends(b"", 401), credentials=str(credentials))
    assert "it does not know this user and password" in said


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"time": 1}', b"{" * 5000, b"\xff\xfe", b'{"time": NaN}', b"null"],
)
def test_what_is_no_status_can_not_be_understood(body):
    assert "can't be understood" in trouble(sends(body))


def test_a_later_release_may_say_more():
    more = {**json.loads(GOOD), "of a later release": [1, {"x": None}]}
    with FakeWeb(sends(json.dumps(more).encode())) as server:
        assert ask(server.url) == everything()


def test_too_much_is_not_read_to_its_end():
    sent = []

    def flood(handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while sum(sent) < 100 * MAX_REPLY:
            sent.append(handler.wfile.write(b" " * 65536))

    assert f"more than {MAX_REPLY} bytes" in trouble(flood)
    assert sum(sent) < 2 * MAX_REPLY


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 999,
    ],
)
def test_what_is_no_http_can_not_be_understood(answer):
    assert "not HTTP" in trouble(lambda handler: handler.wfile.write(answer))


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"])
def test_a_connection_that_ends_early_is_an_absent_daemon(answer):
    assert "one that was closed" in trouble(lambda each: each.wfile.write(answer), DaemonAbsent)


def test_silence_is_told_as_such():
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(DaemonSilent):
        ask(f"http://127.0.0.1:{server.getsockname()[1]}", seconds=0.2)


def test_where_nobody_listens_the_daemon_is_absent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DaemonAbsent, match="is tablewatchd running"):
        ask(f"http://127.0.0.1:{port}")


def test_a_name_that_can_not_be_one_is_refused():
    with pytest.raises((ControlError, DaemonAbsent)):
        ask(f"http://{'x' * 64}.invalid")


class Tls:
    """A certificate for 127.0.0.1 that signs itself."""

    def __init__(self, directory):
        self.file, key = directory / "cert.pem", directory / "key.pem"
        command = [need("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]
        command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=mx.example.org"]
        command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key)]
        subprocess.run([*command, "-out", str(self.file)], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.file, key)


@pytest.fixture
def tls(tmp_path):
    return Tls(tmp_path)


def test_a_certificate_is_trusted_if_it_is_named(tls):
    with FakeWeb(sends(GOOD), tls.context) as server:
        assert ask(server.url, ca_file=str(tls.file)) == everything()


def test_no_password_is_sent_to_a_server_that_is_not_trusted(tls, credentials):
    with (
        FakeWeb(sends(GOOD), tls.context) as server,
        pytest.raises(DaemonAbsent, match=r"the certificate is not good .*see --ca-file"),
    ):
        ask(server.url, credentials=str(credentials))
    assert server.requests == []


def test_the_name_in_the_certificate_counts(tls):
    with (
        FakeWeb(sends(GOOD), tls.context) as server,
        pytest.raises(DaemonAbsent, match="the certificate is not good"),
    ):
        ask(server.url.replace("127.0.0.1", "localhost"), ca_file=str(tls.file))


def test_tls_with_one_that_does_not_speak_it_is_told():
    with FakeWeb(sends(GOOD)) as server, pytest.raises(DaemonAbsent):
        ask(server.url.replace("http:", "https:"))


def test_a_file_without_certificates_is_refused(tmp_path):
    (tmp_path / "empty").write_text("")
    for name in ("empty", "missing"):
        with pytest.raises(ControlError, match="--ca-file"):
            ask("https://127.0.0.1:1", ca_file=str(tmp_path / name))
    with pytest.raises(ControlError, match="begins with https"):
        ask("http://127.0.0.1:1", ca_file=str(tmp_path / "empty"))
