"""What the mail server reads: its configuration, its tables', its certificate."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from pathlib import Path

from . import schema

BOB = "bob@other.example"  # a user and a domain that are on no table of the database
NOBODY_ID = 65534

CONF = """\
{settings}
pki server cert "/srv/cert.pem"
pki server key "/srv/key.pem"

table creds {mysql}:/srv/creds.conf
table domains {mysql}:/srv/domains.conf
table sndrs {mysql}:/srv/sndrs.conf
table others passwd:/srv/others.conf
table everybody {{ "@" = "vmail" }}
table mailboxes {{ "vmail" = "{nobody}:{nobody}:/srv/mail", "bob" = "{nobody}:{nobody}:/srv/mail" }}

listen on {address} port {submission} smtps pki server auth <creds> senders <sndrs>
listen on {address} port {other} smtps pki server auth <others>
listen on {address} port {plain}

action "other" maildir "/srv/mail/other" userbase <others>
action "local" maildir "/srv/mail/local" virtual <everybody> userbase <mailboxes>
match from any for domain "other.example" action "other"
match from any for domain <domains> action "local"
"""
# table-passwd's format is passwd(5)'s; this table needs no database.
OTHERS = "bob:{crypt}:{nobody}:{nobody}::/srv/mail:\n"
# Answers any name at once, so that no test depends on a name server.
FILES = {
    "/etc/mailname": "mx.example.org\n",
    "/etc/resolv.conf": "lookup file\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
}


def write_tables(directory: Path, database: str) -> None:
    """Write what the tables read; ``database`` is the address of the server."""
    crypt = schema.crypt(schema.LOGIN_PASSWORD)
    texts = {f"{name}.conf": schema.table_conf(name, database) for name in schema.QUERIES}
    texts["others.conf"] = OTHERS.format(crypt=crypt, nobody=NOBODY_ID)
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    mail = directory / "mail"
    mail.mkdir()
    os.chown(mail, NOBODY_ID, NOBODY_ID)


def write_certificate(directory: Path) -> None:
    """Write cert.pem and key.pem, self-signed."""
    for name, data in _certificate().items():
        (directory / name).write_bytes(data)
    (directory / "key.pem").chmod(0o600)


@functools.cache
def _certificate() -> dict[str, bytes]:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=mx.example.org", "-keyout", "key.pem", "-out", "cert.pem"]
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(command, cwd=directory, capture_output=True, timeout=60, check=True)
        return {name: Path(directory, name).read_bytes() for name in ("cert.pem", "key.pem")}
