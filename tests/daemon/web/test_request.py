import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tablewatch.daemon.web.request import Request, Response, parse, plain


def get(target="/", *lines, version="1.1", method="GET"):
    head = [f"{method} {target} HTTP/{version}", "Host: localhost", *lines]
    return parse("\r\n".join(head).encode())


def test_path_query_and_headers_are_taken_apart():
    request = get(
        "/api/v1/status?table=a%20b&table=c&x", "Accept:  text/plain ", "X-A: 1", "x-a: 2"
    )
    assert request.method == "GET"
    assert request.path == "/api/v1/status"
    assert request.query == {"table": ["a b", "c"], "x": [""]}
    assert request.headers == {"host": "localhost", "accept": "text/plain", "x-a": "1, 2"}
    assert (request.first("table"), request.first("y")) == ("a b", "")


def test_lines_may_end_without_a_carriage_return():
    assert parse(b"GET /metrics HTTP/1.0\nA: b").path == "/metrics"


def test_a_whole_address_is_a_path_and_a_host():
    request = get("http://other:80/metrics?a=b")
    assert (request.path, request.headers["host"]) == ("/metrics", "other:80")


def test_two_slashes_are_no_host():
    request = get("//evil/metrics")
    assert (request.path, request.headers["host"]) == ("//evil/metrics", "localhost")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"", 400),
        (b"hello", 400),
        (b"GET /", 400),
        (b"GET / HTTP/1.1", 400),  # no Host
        (b"GET  / HTTP/1.1\r\nHost: a", 400),
        (b"GET / HTTP/1.1 \r\nHost: a", 400),
        (b"G@T / HTTP/1.1\r\nHost: a", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded", 400),
        (b"GET / HTTP/1.1\r\nHost : a", 400),
        (b"GET / HTTP/1.1\r\nHost: a\x00b", 400),
        (b"GET / HTTP/1.1\r\nHost: a\rX: b", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a", 400),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: a", 400),
        (b"GET ftp://a/ HTTP/1.1\r\nHost: a", 400),
        (b"GET http:///x HTTP/1.1\r\nHost: a", 400),
        (b"GET http://[/ HTTP/1.1\r\nHost: a", 400),
        (b"GET /?" + b"&".join([b"a=b"] * 17) + b" HTTP/1.1\r\nHost: a", 400),
        (b"PRI * HTTP/2.0", 505),
    ],
)
def test_what_is_no_request_is_answered(head, status):
    answer = parse(head)
    assert isinstance(answer, Response)
    assert answer.status == status


def test_http_1_0_needs_no_host():
    assert isinstance(parse(b"GET / HTTP/1.0"), Request)


@given(st.binary())
@example(b"GET http://[::1 HTTP/1.1\r\nHost: a")
def test_whatever_comes_has_an_answer(head):
    answer = parse(head)
    assert isinstance(answer, Request) or answer.status in (400, 505)


@given(st.text(st.characters(exclude_categories=("C", "Z"), max_codepoint=0x7E), min_size=1))
def test_every_target_has_an_answer(target):
    assert isinstance(get(target), Request | Response)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("identity", False),
        ("gzipped", False),
        ("", False),
    ],
)
def test_compression_is_negotiated(header, wanted):
    assert get("/", f"Accept-Encoding: {header}").wants_gzip is wanted


def test_an_answer_tells_length_type_and_end():
    head = plain(404, "no", ("Allow", "GET")).head()
    assert head == (
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 3\r\nAllow: GET\r\nConnection: close\r\n\r\n"
    )


def test_every_status_in_use_has_a_name():
    for status in (200, 400, 401, 404, 405, 408, 421, 431, 500, 503, 505):
        assert f"HTTP/1.1 {status} ".encode() in plain(status, "").head()
