"""Who may ask: the Host header against DNS rebinding, and passwords where they are configured."""

from __future__ import annotations

import base64
import binascii

from tablewatch.daemon.web import web_config
from tablewatch.daemon.web.hosts import is_ours, own_names
from tablewatch.daemon.web.passwords import Passwords
from tablewatch.daemon.web.request import Request, Response, plain
from tablewatch.daemon.web.tls import tls_of

_CHALLENGE = ("WWW-Authenticate", 'Basic realm="tablewatch", charset="UTF-8"')


class Access:
    """What a web configuration and the addresses to listen on make of a request."""

    def __init__(self, listen: tuple[str, ...], path: str) -> None:
        """Read the web configuration `path`, "" for none. Raises ConfigError."""
        config = web_config.load(path)
        self.tls = tls_of(config)
        self._passwords = Passwords(config.users) if config.users else None
        self._names = own_names(listen)

    def objection(self, request: Request, *, loopback: bool, until: float) -> Response | None:
        """Return what to answer instead of what was asked for, None if nothing is wrong.

        `loopback`: the client came to an address that only this host has. `until`: monotonic
        seconds.
        """
        if self._passwords is not None:
            return self._identify(self._passwords, request, until)
        # With TLS the browser itself finds that the certificate is for another name.
        if not loopback or self.tls is not None:
            return None
        # Browsers always send it; who does not is none.
        host = request.headers.get("host")
        if host is None or is_ours(host, self._names):
            return None
        return plain(
            421,
            "This is tablewatchd. Under this name it answers nobody on this address, because a "
            "web page\nfrom elsewhere could read it with your browser (DNS rebinding). Use "
            "http://127.0.0.1 or\nhttp://localhost instead; have a reverse proxy send "
            "'Host: localhost'; or set web_config,\nwith a password or TLS, in tablewatch.yml.",
        )

    def _identify(self, passwords: Passwords, request: Request, until: float) -> Response | None:
        told = _credentials(request.headers.get("authorization", ""))
        if told is None:
            return plain(401, "a user and a password, please", _CHALLENGE)
        good = passwords.check(*told, until)
        if good is None:
            return plain(503, "too many passwords to check; try again", ("Retry-After", "5"))
        return None if good else plain(401, "wrong user or password", _CHALLENGE)


def _credentials(header: str) -> tuple[bytes, bytes] | None:
    """Return user and password (RFC 7617)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None
