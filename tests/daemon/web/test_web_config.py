import os
import subprocess

import pytest
from tests.daemon.web import pki
from tests.support.programs import need

from tablewatch.daemon.web import web_config
from tablewatch.daemon.web.access import Access
from tablewatch.daemon.web.web_config import TlsSettings, load
from tablewatch.errors import ConfigError

HASH = "$2y$10$hLqFl9jSjoAAy95Z/zw8Ye8wkdMBM8c5Bn1ptYqP/AXyV0.oy0S8m"
TLS = "tls_server_config:\n  cert_file: a.crt\n  key_file: /k/a.key\n"


@pytest.fixture
def written(tmp_path):
    def write(text, mode=0o600):
        path = tmp_path / "web.yml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return str(path)

    return write


def problems(path):
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [str(each).removeprefix(path) for each in caught.value.problems]


def test_no_file_is_no_tls_and_no_password():
    assert load("") == web_config.WebConfig()


@pytest.mark.parametrize("text", ["", "# nothing\n", "tls_server_config:\nbasic_auth_users: {}\n"])
def test_an_empty_file_is_the_same(written, text):
    config = load(written(text))
    assert (config.tls, config.users) == (None, {})


def test_everything_that_is_understood(written, tmp_path):
    text = (
        f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca/ca.crt\n"
        f"  min_version: TLS13\nbasic_auth_users:\n  prometheus: {HASH}\n  'bob b': '{HASH}'\n"
    )
    config = load(written(text))
    assert config.tls == TlsSettings(
        f"{tmp_path}/a.crt", "/k/a.key", "RequireAndVerifyClientCert", f"{tmp_path}/ca/ca.crt",
        "TLS13",
    )  # fmt: skip
    assert config.users == {"prometheus": HASH, "bob b": HASH}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tls_server_confg: {}", ':1: tls_server_confg: unknown key; did you mean "tls_server_co'),
        ("http_server_config: {}", ":1: http_server_config: "),
        ("rate_limit: {}", ":1: rate_limit: not understood by tablewatchd, leave it out; known"),
        (TLS + "  cert_fil: x", ':4: tls_server_config.cert_fil: unknown key; did you mean "cert_'),
        (TLS + "  cert: x", ":4: tls_server_config.cert: a certificate can't stand in here; write"),
        (TLS + "  cipher_suites: []", ":4: tls_server_config.cipher_suites: not understood by"),
        (TLS + "  min_version: TLS10", "min_version: TLS10 is not safe any more; write TLS12 or"),
        (TLS + "  min_version: 1.2", "min_version: write one word here"),
        (TLS + "  min_version: tls12", 'min_version: "tls12" is not known; write TLS12 or TLS13'),
        (
            TLS + "  client_ca_file: x",
            ".client_auth_type: is missing; write RequireAndVerifyClient",
        ),
        (
            TLS + "  client_auth_type: RequireAndVerifyClientCert",
            ".client_ca_file: is missing; write the file of the CA",
        ),
        (TLS + "  client_auth_type: RequireAnyClientCert", "takes any certificate, checked or not"),
        ("tls_server_config: {key_file: x}", ".cert_file: is missing; write the path of a PEM"),
        ("tls_server_config: {}", ".key_file: is missing; write the path of a PEM"),
        ("tls_server_config: [a]", "tls_server_config: write keys here"),
        ("basic_auth_users: [a]", "basic_auth_users: write keys here"),
        ("- a", ":1: write keys here"),
        ("a: 1\n[b]: 2", "a list or a group can't be a key"),
        ("basic_auth_users:\n  a: secret", ":2: basic_auth_users.a: no bcrypt hash; make one with"),
        ("basic_auth_users:\n  a:", ":2: basic_auth_users.a: write a hash in quotes here"),
        (f"basic_auth_users:\n  'a:b': {HASH}", "no name of a user; write one without a colon"),
        (f"basic_auth_users:\n  a: {HASH}\n  a: {HASH}", ":3: basic_auth_users.a: stands twice"),
        ("basic_auth_users: {a", "a bracket is opened here and never closed"),
    ],
)
def test_a_mistake_is_named_with_line_key_and_remedy(written, text, said):
    assert any(said in each for each in problems(written(text))), problems(written(text))


def test_every_mistake_is_found(written):
    found = problems(written("x: 1\nbasic_auth_users: {a: b, c: d}\n"))
    assert len(found) == 3


def test_what_should_have_been_a_hash_is_not_told(written):
    told = problems(written("basic_auth_users:\n  alice: hunter2hunter2\n"))
    assert told
    assert not any("hunter2" in each for each in told)


@pytest.mark.parametrize(
    "text",
    [
        f"{HASH}: alice",
        f"basic_auth_users:\n  {HASH}: alice",
        f"basic_auth_users: {{{HASH}: a, {HASH}: b}}",
        f"tls_server_config: {{min_version: {HASH}}}",
        f"tls_server_config: {{{HASH}: x}}",
    ],
)
def test_a_hash_where_a_name_should_be_is_not_told(written, text):
    told = problems(written(text))
    assert told
    assert not any(HASH[7:17] in each for each in told)


def test_hashes_must_not_be_readable_by_everybody(written):
    (told,) = problems(written(f"basic_auth_users: {{a: '{HASH}'}}", 0o644))
    assert "can be read by everybody; run: chmod o-r" in told
    assert load(written(f"basic_auth_users: {{a: '{HASH}'}}", 0o640)).users == {"a": HASH}


def test_a_file_without_hashes_may_be_read(written):
    assert load(written(TLS, 0o644)).tls is not None


def test_a_file_that_everybody_can_write_is_refused(written):
    (told,) = problems(written(TLS, 0o662))
    assert "can be written by everybody; run: chmod o-w" in told


def test_a_system_without_bcrypt_is_said_so(written, monkeypatch):
    monkeypatch.setattr(web_config, "crypt_trouble", lambda: "there is no bcrypt; do without")
    (told,) = problems(written(f"basic_auth_users: {{a: '{HASH}'}}"))
    assert told.endswith("basic_auth_users: there is no bcrypt; do without")


def test_files_that_can_not_be_read(written, tmp_path):
    assert "No such file" in problems(str(tmp_path / "none"))[0]
    assert "no regular file" in problems(str(tmp_path))[0]
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in problems(str(tmp_path / "pipe"))[0]
    assert "not UTF-8" in problems(written(b"\xff"))[0]
    assert "larger than" in problems(written("#" * (web_config.MAX_BYTES + 1)))[0]


@pytest.mark.parametrize(
    "more",
    [
        "",
        "  min_version: TLS12\n",
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.crt\n",
        "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: server.crt\n",
        "  client_auth_type: NoClientCert\n",
    ],
)
def test_what_is_understood_is_what_promtool_accepts(written, tmp_path, more):
    promtool = need("promtool", "prometheus")
    pki.make(tmp_path)
    path = written(
        f"tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{more}"
        f"basic_auth_users:\n  a: {HASH}\n"
    )
    done = subprocess.run(
        [promtool, "check", "web-config", path],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert Access((), path).tls is not None
