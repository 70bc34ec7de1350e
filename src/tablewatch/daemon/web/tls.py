"""Certificate and key of the status page: read at the start, and again when a file changes.

Certificates are renewed by programs that know nothing of us (acme-client, certbot), one file after
the other; until the files fit together again the old ones serve on.
"""

from __future__ import annotations

import os
import shlex
import ssl
import stat
import threading
from collections.abc import Callable

from tablewatch.daemon.web.web_config import ANY_CLIENT, REQUIRED, TlsSettings, WebConfig
from tablewatch.errors import ConfigError, Problem

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENTS = {ANY_CLIENT: ssl.CERT_OPTIONAL, REQUIRED: ssl.CERT_REQUIRED}

_Stamp = tuple[tuple[int, int, int], ...]


class Tls:
    """A server's side of TLS. Safe to be asked by many threads."""

    def __init__(self, path: str, settings: TlsSettings) -> None:
        """Read the files; `path` is that of the web configuration. Raises ConfigError."""
        self._path = path
        self._settings = settings
        self._lock = threading.Lock()
        self._stamp = self._look()
        self._context = self._read()

    def context(self, log: Callable[[str], None]) -> ssl.SSLContext:
        """Return the context for a new connection; tells `log` when the files have changed."""
        with self._lock:
            stamp = self._look()
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._context = self._read()
                    log(f"{self._settings.cert_file}: changed, in use from now on")
                except ConfigError as error:
                    log(f"{error}; the certificate before stays in use")
            return self._context

    def _look(self) -> _Stamp:
        """Return what changes when a file does."""
        stamps = []
        for each in self._files():
            try:
                status = os.stat(each)
                stamps.append((status.st_mtime_ns, status.st_ino, status.st_size))
            except OSError:
                stamps.append((0, 0, 0))
        return tuple(stamps)

    def _files(self) -> list[str]:
        settings = self._settings
        return [
            each
            for each in (settings.cert_file, settings.key_file, settings.client_ca_file)
            if each
        ]

    def _read(self) -> ssl.SSLContext:
        settings = self._settings
        self._examine("cert_file", settings.cert_file)
        self._examine("key_file", settings.key_file, secret=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[settings.min_version]
        asked = []

        def password() -> bytes:
            """Be asked instead of the terminal."""
            asked.append(True)
            return b"-"

        try:
            context.load_cert_chain(settings.cert_file, settings.key_file, password)
        except (ssl.SSLError, OSError) as error:
            if asked:
                right = "remove it with: openssl pkey -in KEY -out NEW"
                raise self._failure("key_file", f"the key has a password; {right}") from None
            raise self._failure("cert_file", _plainly(error)) from None
        if settings.client_auth_type in _CLIENTS:
            self._examine("client_ca_file", settings.client_ca_file)
            try:
                context.load_verify_locations(settings.client_ca_file)
            except (ssl.SSLError, OSError):
                why = f"{settings.client_ca_file} holds no certificate in PEM format"
                raise self._failure("client_ca_file", f"{why}; name one that does") from None
            context.verify_mode = _CLIENTS[settings.client_auth_type]
        return context

    def _examine(self, key: str, path: str, *, secret: bool = False) -> None:
        try:
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise self._failure(key, f"{path} is no regular file; name a PEM file")
            with open(path, "rb"):
                pass
        except OSError as error:
            right = "name a file that tablewatchd's user can read"
            raise self._failure(key, f"{path}: {error.strerror}; {right}") from None
        if secret and status.st_mode & stat.S_IROTH:
            why = f"{path} is a private key that everybody can read"
            raise self._failure(key, f"{why}; run: chmod o-r {shlex.quote(path)}")

    def _failure(self, key: str, message: str) -> ConfigError:
        return ConfigError([Problem(self._path, 0, f"tls_server_config.{key}", message)])


def tls_of(config: WebConfig) -> Tls | None:
    """Return TLS as `config` wants it, None for plain HTTP. Raises ConfigError."""
    return Tls(config.path, config.tls) if config.tls is not None else None


def _plainly(error: OSError) -> str:
    reason = getattr(error, "reason", None) or ""
    if reason == "KEY_VALUES_MISMATCH":
        return "this certificate does not belong to the key in key_file; name the pair"
    if reason in ("EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "CA_KEY_TOO_SMALL"):
        return f"too weak for this system's OpenSSL ({reason}); make a new one"
    return f"certificate or key is not in PEM format ({reason or error}); name PEM files"
