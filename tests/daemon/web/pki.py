"""Certificates for the tests, made by openssl: valid for localhost and 127.0.0.1, for a day."""

import subprocess

from tests.support.programs import need


def make(directory, name="server", issuer=None):
    """Make a key and a certificate, signed by `issuer` (a name used before) or by itself."""
    key, certificate = directory / f"{name}.key", directory / f"{name}.crt"
    command = [
        need("openssl", "openssl"),
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-keyout", key, "-out", certificate, "-days", "1", "-subj", f"/CN={name}"),
        *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
    ]
    if issuer is None:
        command += ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    else:
        command += ["-CA", directory / f"{issuer}.crt", "-CAkey", directory / f"{issuer}.key"]
        command += ["-addext", "basicConstraints=critical,CA:FALSE"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    key.chmod(0o600)
    return certificate, key
