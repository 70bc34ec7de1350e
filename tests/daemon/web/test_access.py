import base64
import time

import pytest
from tests.daemon.web.test_passwords import RIGHT

from tablewatch.daemon.web import passwords
from tablewatch.daemon.web.access import Access
from tablewatch.daemon.web.passwords import crypt_trouble
from tablewatch.daemon.web.request import Request

LISTEN = ("127.0.0.1:10099", "status.example.org:10099")


def asked(access, headers, *, loopback=True):
    until = time.monotonic() + 60
    answer = access.objection(Request("GET", "/", {}, headers), loopback=loopback, until=until)
    return answer and answer.status


def test_a_name_that_others_can_hold_is_refused_on_loopback():
    access = Access(LISTEN, "")
    assert asked(access, {"host": "evil.example:10099"}) == 421
    assert asked(access, {"host": "evil.example"}, loopback=False) is None


@pytest.mark.parametrize(
    "headers",
    [{"host": "127.0.0.1:10099"}, {"host": "localhost"}, {"host": "status.example.org"}, {}],
)
def test_our_own_names_are_answered(headers):
    assert asked(Access(LISTEN, ""), headers) is None


def test_the_refusal_says_what_to_do():
    request = Request("GET", "/", {}, {"host": "evil.example"})
    answer = Access(LISTEN, "").objection(request, loopback=True, until=0.0)
    for remedy in (b"http://localhost", b"Host: localhost", b"web_config"):
        assert remedy in answer.body


@pytest.mark.skipif(bool(crypt_trouble()), reason="crypt(3) has no bcrypt here")
class TestPasswords:
    @pytest.fixture
    def access(self, tmp_path, monkeypatch):
        monkeypatch.setattr(passwords, "_REST", 0.0)
        path = tmp_path / "web.yml"
        path.write_text(f"basic_auth_users: {{alice: '{RIGHT}'}}\n")
        path.chmod(0o600)
        return Access(LISTEN, str(path))

    @staticmethod
    def basic(text):
        return {"authorization": "Basic " + base64.b64encode(text).decode()}

    def test_the_right_one_is_let_in_under_any_name(self, access):
        headers = {**self.basic(b"alice:right"), "host": "evil.example"}
        assert asked(access, headers) is None

    def test_the_scheme_is_written_as_one_likes(self, access):
        header = self.basic(b"alice:right")["authorization"].replace("Basic", "bAsIc")
        assert asked(access, {"authorization": header}) is None

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Basic",
            "Basic !!!",
            "Basic \xff",
            "Basic YWxpY2U=",  # no colon
            "Bearer YWxpY2U6cmlnaHQ=",
            "Basic YWxpY2U6d3Jvbmc=",  # alice:wrong
            "Basic Og==",
        ],
    )
    def test_anything_else_is_not(self, access, header):
        assert asked(access, {"authorization": header, "host": "localhost"}) == 401

    def test_a_browser_is_told_to_ask(self, access):
        answer = access.objection(Request("GET", "/"), loopback=True, until=time.monotonic() + 60)
        assert dict(answer.headers)["WWW-Authenticate"].startswith("Basic realm=")

    def test_too_many_at_once_are_told_to_come_again(self, access):
        request = Request("GET", "/", {}, self.basic(b"alice:wrong"))
        with passwords._one_at_a_time:
            answer = access.objection(request, loopback=True, until=time.monotonic())
        assert answer.status == 503
        assert ("Retry-After", "5") in answer.headers
