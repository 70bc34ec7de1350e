import base64
import contextlib
import gzip
import http.client
import json
import socket
import ssl
import threading
import time

import pytest
from tests.daemon.web import pki
from tests.daemon.web.test_passwords import RIGHT
from tests.support import incidents, statuses

from tablewatch.control.records import from_plain
from tablewatch.control.status import HostStatus
from tablewatch.daemon.web.connection import Limits
from tablewatch.daemon.web.passwords import crypt_trouble
from tablewatch.daemon.web.server import Web
from tablewatch.errors import ConfigError, DaemonError

LOOPBACK = ("127.0.0.1:0",)
METRICS = b"tablewatch_up 1\n" * 1000


class Server:
    """A Web whose supervisors answer, hang or fail as told, and who remembers what it counted."""

    def __init__(self, listen=LOOPBACK, web_config="", **limits):
        self.counted = []
        self.log = []
        self.go = threading.Event()
        self.go.set()
        self.failure = None
        self.web = Web(
            listen,
            web_config,
            ask=self.ask,
            metrics=self.metrics,
            count=lambda path, status: self.counted.append((path, status)),
            timeout=60.0,
            ready=lambda: "",
            incidents=incidents.store(incidents.told()),
            log=self.log.append,
            limits=Limits(**{"request": 60.0, "answer": 60.0, **limits}),
        )

    def ask(self, seconds):
        self.go.wait(seconds)
        if self.failure is not None:
            raise self.failure
        return statuses.everything()

    def metrics(self, _, __):
        return METRICS, "text/plain; version=0.0.4"

    @property
    def address(self):
        return self.web.addresses[0]

    def connect(self):
        return socket.create_connection(self.address, timeout=60)

    def say(self, data):
        """Send `data` and return everything that comes back."""
        with self.connect() as client:
            client.sendall(data)
            return everything(client)

    def get(self, path="/metrics", method="GET", context=None, **headers):
        kind = http.client.HTTPConnection
        options = {"timeout": 60}
        if context is not None:
            kind, options = http.client.HTTPSConnection, {"timeout": 60, "context": context}
        connection = kind("localhost", self.address[1], **options)
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            answer = connection.getresponse()
            return answer, answer.read()


def everything(client):
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := client.recv(65536):
            received += data
    return received


@pytest.fixture
def serve():
    with contextlib.ExitStack() as stack:

        def start(*arguments, **limits):
            server = Server(*arguments, **limits)
            stack.callback(server.web.close)
            stack.callback(server.go.set)
            server.web.start()
            return server

        yield start


def until(condition):
    """Wait until `condition` holds; pytest's timeout ends it if it never does."""
    while not condition():
        time.sleep(0.01)


# What it answers.


def test_each_route_answers_and_is_counted(serve):
    server = serve()
    for path in ("/", "/metrics", "/api/v1/status", "/-/healthy", "/-/ready"):
        answer, body = server.get(path)
        assert answer.status == 200
        assert body
        assert answer.getheader("Content-Security-Policy").startswith("default-src 'none'")
        assert answer.getheader("Date")
        assert answer.getheader("Connection") == "close"
    assert server.get("/nowhere")[0].status == 404
    assert server.counted[1] == ("/metrics", 200)
    assert server.counted[-1] == ("other", 404)


def test_head_has_the_length_and_not_the_body(serve):
    answer, body = serve().get("/metrics", "HEAD")
    assert answer.getheader("Content-Length") == str(len(METRICS))
    assert body == b""


def test_answers_are_compressed_where_that_is_understood(serve):
    server = serve()
    answer, body = server.get(Accept_Encoding="gzip")
    assert answer.getheader("Content-Encoding") == "gzip"
    assert gzip.decompress(body) == METRICS
    assert server.get(Accept_Encoding="gzip;q=0")[1] == METRICS
    assert server.get("/-/healthy", Accept_Encoding="gzip")[1] == b"tablewatchd is up\n"


def test_the_api_can_be_read_back(serve):
    plain = json.loads(serve().get("/api/v1/status")[1])
    assert from_plain(HostStatus, plain) == statuses.everything()


def test_only_our_own_names_are_answered_on_loopback(serve):
    server = serve()
    assert server.get(Host="evil.example")[0].status == 421
    assert server.counted == [("/metrics", 421)]
    assert server.get(Host="localhost:80")[0].status == 200


def test_an_error_of_our_own_is_an_answer_and_a_line_in_the_log(serve):
    server = serve()
    server.failure = RuntimeError("no idea")
    for _ in range(5):
        assert server.get("/")[0].status == 500
    assert server.log == ["web: /: RuntimeError: no idea"]  # not five times
    assert server.get("/metrics")[0].status == 200


def test_whoever_counts_badly_costs_nobody_the_answer(serve):
    server = serve()
    server.counted = None  # append fails
    assert server.get("/metrics")[0].status == 200


# Clients who mean no good.


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505"),
        (b"POST /metrics HTTP/1.0\r\nContent-Length: 9\r\n\r\n123", b"405"),
        (b"GET /metrics HTTP/1.0\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", b"431"),
        (b"x" * 1_000_000, b"431"),
    ],
)
def test_nonsense_is_answered(serve, data, status):
    server = serve()
    assert server.say(data).startswith(b"HTTP/1.1 " + status)
    assert server.counted[0][1] == int(status)


def test_a_client_has_one_request_whatever_follows(serve):
    server = serve()
    received = server.say(b"GET /-/healthy HTTP/1.0\r\n\r\n" * 100 + b"\xff\x00" * 1000)
    assert received.count(b"HTTP/1.1 200 OK") == 1
    assert server.counted == [("/-/healthy", 200)]


def test_whoever_sends_too_slowly_is_told_so_in_time(serve):
    server = serve(request=0.3)
    with server.connect() as client:
        received = b""
        client.setblocking(False)
        while b"\r\n\r\n" not in received:  # a byte every now and then, for ever
            with contextlib.suppress(OSError):
                client.send(b"x")
            with contextlib.suppress(BlockingIOError):
                received += client.recv(4096)
            time.sleep(0.01)
    assert received.startswith(b"HTTP/1.1 408")
    until(lambda: len(server.web._clients) == 0)


def test_whoever_never_reads_is_given_up(serve):
    server = serve(answer=0.3)
    server.metrics = lambda *_: (b"x" * 20_000_000, "text/plain")
    server.web._site._metrics = server.metrics
    with server.connect() as client:
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        until(lambda: server.counted)
        until(lambda: len(server.web._clients) == 0)


def test_silent_connections_keep_nobody_out(serve):
    server = serve(connections=12)
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(server.connect())
            assert len(server.web._clients) <= 12
        for _ in range(5):
            assert server.get("/metrics")[0].status == 200


def test_prometheus_is_answered_while_supervisors_hang(serve):
    server = serve()
    server.go.clear()
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(server.connect())
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert server.get("/metrics")[0].status == 200
        assert server.counted == [("/metrics", 200)]


def test_when_all_places_are_taken_the_next_one_waits_and_is_answered(serve):
    server = serve(connections=6)
    server.go.clear()
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            client = stack.enter_context(server.connect())
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        until(lambda: len(server.web._clients) == 6)
        waiting = stack.enter_context(server.connect())
        waiting.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
        server.go.set()
        assert everything(waiting).startswith(b"HTTP/1.1 200")


def test_threads_end_with_their_clients(serve):
    server = serve()
    for _ in range(10):
        server.get("/-/healthy")
    until(lambda: not [each for each in threading.enumerate() if each.name == "web client"])
    assert len(server.web._clients) == 0


# Start, reload, end.


def test_an_address_in_use_stops_the_start_and_leaves_nothing_bound(serve):
    taken = serve()
    host, port = taken.address
    other = Server(("127.0.0.1:0", f"{host}:{port}"))
    with pytest.raises(DaemonError, match="somebody else listens there already"):
        other.web.start()
    assert other.web.addresses == []


def test_a_bad_web_configuration_stops_the_start(tmp_path):
    server = Server(LOOPBACK, str(tmp_path / "none.yml"))
    with pytest.raises(ConfigError):
        server.web.start()
    assert server.web.addresses == []


def test_all_addresses_are_served(serve):
    server = serve(("127.0.0.1:0", "localhost:0"))
    assert len(server.web.addresses) >= 2
    for address in server.web.addresses:
        with socket.create_connection(address, timeout=60) as client:
            client.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
            assert everything(client).startswith(b"HTTP/1.1 200")


def test_without_addresses_nothing_is_served_until_a_reload(serve):
    server = serve(())
    assert server.web.addresses == []
    assert server.web.reload(LOOPBACK, "") == []
    assert server.get("/-/healthy")[0].status == 200


def test_a_reload_keeps_the_addresses_that_stay(serve):
    server = serve()
    before = server.address
    assert server.web.reload((*LOOPBACK, "localhost:0"), "") == []
    assert server.address == before
    assert len(server.web.addresses) >= 2
    assert server.web.reload(LOOPBACK, "") == []
    assert server.web.addresses == [before]
    assert server.get("/-/healthy")[0].status == 200


def test_a_reload_from_one_address_to_all_of_the_same_port_and_back(serve):
    server = serve()
    port = _fixed(server)
    for listen in ((f":{port}",), (f"127.0.0.1:{port}",)):
        assert server.web.reload(listen, "") == []
        assert server.get("/-/healthy")[0].status == 200
    assert server.web.addresses == [("127.0.0.1", port)]


def test_a_reload_that_can_not_bind_changes_nothing(serve):
    server, taken = serve(), serve()
    before = server.web.addresses
    problems = server.web.reload(("localhost:0", f"127.0.0.1:{taken.address[1]}"), "")
    assert len(problems) == 1
    assert "somebody else listens there" in problems[0]
    assert server.web.addresses == before
    assert server.get("/-/healthy")[0].status == 200


def test_an_address_that_made_way_in_vain_comes_back(serve):
    server = serve()
    port = _fixed(server)
    with socket.create_server(("127.0.0.2", port)):  # in the way of all addresses
        problems = server.web.reload((f":{port}",), "")
        assert len(problems) == 1
        assert problems[0].startswith(f":{port}: somebody else")
    assert server.web.addresses == [("127.0.0.1", port)]
    assert server.get("/-/healthy")[0].status == 200


def _fixed(server):
    """Let `server` listen on a port that has a number, and return that."""
    port = server.address[1]
    assert server.web.reload((), "") == []
    assert server.web.reload((f"127.0.0.1:{port}",), "") == []
    return port


def test_a_reload_of_a_bad_web_configuration_changes_nothing(serve, tmp_path):
    server = serve()
    before = server.web.addresses
    path = tmp_path / "web.yml"
    path.write_text("x: 1\ny: 2\n")
    problems = server.web.reload(("127.0.0.1:0", "localhost:0"), str(path))
    assert [each.split(": ")[1] for each in problems] == ["x", "y"]
    assert server.web.addresses == before
    assert server.get("/-/healthy")[0].status == 200


def test_a_reload_disturbs_nobody_who_is_being_served(serve):
    server = serve()
    server.go.clear()
    with server.connect() as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        until(lambda: len(server.web._clients) == 1)
        assert server.web.reload((), "") == []
        server.go.set()
        assert everything(client).startswith(b"HTTP/1.1 200")


def test_the_time_for_answers_can_be_changed(serve):
    server = serve()
    server.go.clear()
    server.web.set_timeout(0.01)
    assert server.get("/")[0].status == 200


def test_closing_sends_everybody_away(serve):
    server = serve()
    with server.connect() as client:
        until(lambda: len(server.web._clients) == 1)
        server.web.close()
        assert everything(client) == b""
    server.web.close()  # a second time is no failure


def test_the_door_stays_open_when_descriptors_run_out(serve, monkeypatch):
    server = serve()
    monkeypatch.setattr(threading.Thread, "start", _no_thread(threading.Thread.start))
    with server.connect() as client:
        assert everything(client) == b""
    assert server.get("/-/healthy")[0].status == 200
    assert server.log == ["web: accept: RuntimeError: can't start new thread"]


def _no_thread(start):
    """A Thread.start that fails the first time."""
    failures = ["one"]

    def failing(self):
        if failures:
            failures.pop()
            raise RuntimeError("can't start new thread")
        start(self)

    return failing


# TLS and passwords.


@pytest.fixture
def web_config(tmp_path):
    def write(text):
        path = tmp_path / "web.yml"
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    return write


TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key%s}\n"


def trusting(directory, client=None):
    context = ssl.create_default_context(cafile=directory / "server.crt")
    if client is not None:
        context.load_cert_chain(directory / f"{client}.crt", directory / f"{client}.key")
    return context


def test_tls_as_configured(serve, web_config, tmp_path):
    pki.make(tmp_path)
    server = serve(LOOPBACK, web_config(TLS % ", min_version: TLS13"))
    answer, body = server.get(context=trusting(tmp_path))
    assert (answer.status, body) == (200, METRICS)
    old = trusting(tmp_path)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        server.get(context=old)


def test_plain_http_is_told_that_there_is_tls(serve, web_config, tmp_path):
    pki.make(tmp_path)
    server = serve(LOOPBACK, web_config(TLS % ""))
    answer, body = server.get()
    assert answer.status == 400
    assert b"write https" in body


def test_a_client_that_does_not_shake_hands_is_dropped(serve, web_config, tmp_path):
    pki.make(tmp_path)
    server = serve(LOOPBACK, web_config(TLS % ""), request=0.3)
    with server.connect() as client:
        assert everything(client) == b""
    assert server.get(context=trusting(tmp_path))[0].status == 200


def test_a_renewed_certificate_is_shown_without_a_reload(serve, web_config, tmp_path):
    pki.make(tmp_path)
    server = serve(LOOPBACK, web_config(TLS % ""))
    old = trusting(tmp_path)
    assert server.get(context=old)[0].status == 200
    pki.make(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        server.get(context=old)
    assert server.get(context=trusting(tmp_path))[0].status == 200
    assert "in use from now on" in server.log[0]


def test_clients_need_a_certificate_where_that_is_configured(serve, web_config, tmp_path):
    pki.make(tmp_path)
    pki.make(tmp_path, "ca")
    pki.make(tmp_path, "prometheus", issuer="ca")
    pki.make(tmp_path, "stranger")
    more = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt"
    server = serve(LOOPBACK, web_config(TLS % more))
    assert server.get(context=trusting(tmp_path, "prometheus"))[0].status == 200
    for name in (None, "stranger"):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            server.get(context=trusting(tmp_path, name))
    assert server.counted == [("/metrics", 200)]


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.skipif(bool(crypt_trouble()), reason="crypt(3) has no bcrypt here")
def test_every_path_needs_the_password(serve, web_config):
    server = serve(LOOPBACK, web_config(f"basic_auth_users: {{alice: '{RIGHT}'}}\n"))
    for path in ("/", "/metrics", "/api/v1/status", "/-/healthy", "/nowhere"):
        answer, body = server.get(path)
        assert answer.status == 401
        assert answer.getheader("WWW-Authenticate").startswith("Basic")
        assert len(body) < 100
    assert server.get(Authorization=basic("alice:wrong"))[0].status == 401
    assert server.get(Authorization=basic("alice:right"))[0].status == 200
    assert server.get(Authorization=basic("alice:right"), Host="evil.example")[0].status == 200


@pytest.mark.skipif(bool(crypt_trouble()), reason="crypt(3) has no bcrypt here")
def test_a_reload_changes_the_passwords(serve, web_config):
    server = serve()
    assert server.get()[0].status == 200
    path = web_config(f"basic_auth_users: {{alice: '{RIGHT}'}}\n")
    assert server.web.reload(LOOPBACK, path) == []
    assert server.get()[0].status == 401
    assert server.web.reload(LOOPBACK, "") == []
    assert server.get()[0].status == 200
