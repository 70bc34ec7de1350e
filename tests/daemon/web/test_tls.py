import contextlib
import os
import ssl
import subprocess

import pytest
from tests.daemon.web import pki

from tablewatch.daemon.web.tls import Tls
from tablewatch.daemon.web.web_config import TlsSettings
from tablewatch.errors import ConfigError


def settings(directory, **changes):
    return TlsSettings(
        **{
            "cert_file": str(directory / "server.crt"),
            "key_file": str(directory / "server.key"),
            **changes,
        }
    )


def serial(context):
    """Which certificate a context shows, told by shaking hands in memory."""
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    a, b = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(a, b), context.wrap_bio(b, a, server_side=True)]
    for _ in range(4):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return ends[0].getpeercert(binary_form=True)


def failure(tls):
    with pytest.raises(ConfigError) as caught:
        Tls("/etc/web.yml", tls)
    (problem,) = caught.value.problems
    assert problem.file == "/etc/web.yml"
    return f"{problem.key}: {problem.message}"


def test_a_renewed_certificate_is_used_from_the_next_connection_on(tmp_path):
    said = []
    pki.make(tmp_path)
    tls = Tls("web.yml", settings(tmp_path))
    first = tls.context(said.append)
    assert tls.context(said.append) is first
    pki.make(tmp_path)
    second = tls.context(said.append)
    assert serial(second) != serial(first)
    assert len(said) == 1
    assert "in use from now on" in said[0]


def test_while_certificate_and_key_do_not_fit_the_old_ones_serve(tmp_path):
    said = []
    pki.make(tmp_path)
    pki.make(tmp_path, "new")
    tls = Tls("web.yml", settings(tmp_path))
    first = tls.context(said.append)
    os.replace(tmp_path / "new.crt", tmp_path / "server.crt")
    assert tls.context(said.append) is first
    assert tls.context(said.append) is first
    assert len(said) == 1  # told once
    assert "does not belong to the key" in said[0]
    assert "stays in use" in said[0]
    os.replace(tmp_path / "new.key", tmp_path / "server.key")
    assert tls.context(said.append) is not first


def test_a_key_that_is_gone_stops_nobody(tmp_path):
    said = []
    _, key = pki.make(tmp_path)
    tls = Tls("web.yml", settings(tmp_path))
    first = tls.context(said.append)
    key.unlink()
    assert tls.context(said.append) is first
    assert "No such file" in said[0]


def test_versions_and_clients_are_as_told(tmp_path):
    certificate, _ = pki.make(tmp_path)
    plain = Tls("web.yml", settings(tmp_path)).context(print)
    assert plain.minimum_version == ssl.TLSVersion.TLSv1_2
    assert plain.verify_mode == ssl.CERT_NONE
    strict = settings(
        tmp_path, min_version="TLS13", client_auth_type="RequireAndVerifyClientCert",
        client_ca_file=str(certificate),
    )  # fmt: skip
    context = Tls("web.yml", strict).context(print)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_a_missing_file_is_named(tmp_path):
    assert failure(settings(tmp_path)).startswith(
        f"tls_server_config.cert_file: {tmp_path}/server.crt: No such file or directory; name a"
    )


def test_a_directory_is_no_certificate(tmp_path):
    assert "is no regular file" in failure(settings(tmp_path, cert_file=str(tmp_path)))


def test_a_key_that_everybody_can_read_is_refused(tmp_path):
    _, key = pki.make(tmp_path)
    key.chmod(0o644)
    assert "private key that everybody can read; run: chmod o-r" in failure(settings(tmp_path))


def test_a_pair_must_fit(tmp_path):
    pki.make(tmp_path)
    pki.make(tmp_path, "other")
    told = failure(settings(tmp_path, key_file=str(tmp_path / "other.key")))
    assert "does not belong to the key in key_file" in told


def test_nonsense_is_no_certificate(tmp_path):
    pki.make(tmp_path)
    (tmp_path / "server.crt").write_text("hello")
    assert "not in PEM format" in failure(settings(tmp_path))


def test_a_key_with_a_password_asks_nobody(tmp_path):
    _, key = pki.make(tmp_path)
    subprocess.run(
        ["openssl", "pkey", "-in", key, "-aes128", "-passout", "pass:x", "-out", tmp_path / "k"],
        check=True, timeout=60, capture_output=True,
    )  # fmt: skip
    (tmp_path / "k").chmod(0o600)
    told = failure(settings(tmp_path, key_file=str(tmp_path / "k")))
    assert "has a password; remove it" in told


def test_a_ca_must_hold_certificates(tmp_path):
    pki.make(tmp_path)
    (tmp_path / "ca").write_text("hello")
    told = failure(
        settings(
            tmp_path, client_auth_type="RequireAndVerifyClientCert",
            client_ca_file=str(tmp_path / "ca"),
        )
    )  # fmt: skip
    assert told.startswith("tls_server_config.client_ca_file: ")
    assert "holds no certificate in PEM format" in told
