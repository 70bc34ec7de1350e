"""Somebody who talks to the mail server: a small SMTP client that can say improper things."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

ANSWER_SECONDS = 20.0


class NoAnswer(Exception):
    """The server did not answer in time, or closed the connection instead."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(f"{why} after {seconds:.1f} s")
        self.why = why
        self.seconds = seconds


class Reply(NamedTuple):
    """An SMTP reply, and how long it took."""

    code: int
    text: str
    seconds: float


@dataclass(frozen=True)
class Endpoint:
    """Where a listener of the mail server is, and what one has to speak there."""

    address: str
    port: int
    tls: bool
    old_tls: bool = False  # smtpd 6.8 with OpenSSL 3 cannot use its key: see FLAVOURS in smtpd

    def context(self) -> ssl.SSLContext:
        """TLS settings for this listener; on loopback nobody checks certificates."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if self.old_tls:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("AECDH-AES128-SHA:AECDH-AES256-SHA:@SECLEVEL=0")
        return context


class Client:
    """One SMTP session: connected and greeted by entering the context, closed by leaving it.

    ``seconds`` bounds the wait for the handshake and for each reply; every method that waits
    raises NoAnswer when nothing comes or the server hangs up.
    """

    def __init__(self, endpoint: Endpoint, *, seconds: float = ANSWER_SECONDS) -> None:
        self.endpoint = endpoint
        self.seconds = seconds
        self.banner: Reply | None = None
        self._connection: socket.socket | None = None
        self._received = b""

    def __enter__(self) -> Self:
        began = time.monotonic()
        where = (self.endpoint.address, self.endpoint.port)
        try:
            self._connection = socket.create_connection(where, timeout=self.seconds)
            if self.endpoint.tls:
                self._connection = self.endpoint.context().wrap_socket(self._connection)
            self.banner = self._reply(began)
            self.command("EHLO client.example.net")
        except TimeoutError:
            self.close()
            raise NoAnswer("no answer", time.monotonic() - began) from None
        except OSError as error:
            self.close()
            raise NoAnswer(f"connection lost ({error})", time.monotonic() - began) from error
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up, without QUIT."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None

    def command(self, line: str | bytes, *, seconds: float | None = None) -> Reply:
        """Send one line and wait for the reply; its time counts from before the sending."""
        began = time.monotonic()
        self.send(line)
        return self.wait(seconds=seconds)._replace(seconds=time.monotonic() - began)

    def send(self, line: str | bytes) -> None:
        """Send one line and do not wait."""
        data = line.encode() if isinstance(line, str) else line
        with self._patience(None) as connection:
            connection.sendall(data + b"\r\n")

    def wait(self, *, seconds: float | None = None) -> Reply:
        """Wait for a reply to what was sent."""
        began = time.monotonic()
        with self._patience(seconds):
            return self._reply(began)

    def auth_plain(
        self, user: str | bytes, password: str | bytes, *, seconds: float | None = None
    ) -> Reply:
        """Log in; the user name may be any bytes but NUL."""
        return self.command(b"AUTH PLAIN " + plain(user, password), seconds=seconds)

    def mail_from(self, address: str, *, seconds: float | None = None) -> Reply:
        """Begin a mail."""
        return self.command(f"MAIL FROM:<{address}>", seconds=seconds)

    def rcpt(self, address: str, *, seconds: float | None = None) -> Reply:
        """Name a recipient."""
        return self.command(f"RCPT TO:<{address}>", seconds=seconds)

    def reset(self) -> Reply:
        """Forget the mail that was begun."""
        return self.command("RSET")

    def data(self, text: str) -> Reply:
        """Send the mail itself."""
        begun = self.command("DATA")
        if begun.code != 354:
            return begun
        return self.command(text.replace("\n", "\r\n") + "\r\n.")

    @contextlib.contextmanager
    def _patience(self, seconds: float | None) -> Iterator[socket.socket]:
        connection = self._connection
        if connection is None:
            raise NoAnswer("the session is closed", 0.0)
        began = time.monotonic()
        connection.settimeout(self.seconds if seconds is None else seconds)
        try:
            yield connection
        except TimeoutError:
            raise NoAnswer("no answer", time.monotonic() - began) from None
        except OSError as error:
            raise NoAnswer(f"connection lost ({error})", time.monotonic() - began) from error

    def _reply(self, began: float) -> Reply:
        lines = []
        while True:
            line = self._line(began).decode("utf-8", "replace")
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), "\n".join(lines), time.monotonic() - began)

    def _line(self, began: float) -> bytes:
        assert self._connection is not None
        while b"\r\n" not in self._received:
            data = self._connection.recv(4096)
            if not data:
                raise NoAnswer("connection closed", time.monotonic() - began)
            self._received += data
        line, _, self._received = self._received.partition(b"\r\n")
        return line


def plain(user: str | bytes, password: str | bytes) -> bytes:
    """The argument of AUTH PLAIN."""
    parts = [part.encode() if isinstance(part, str) else part for part in (user, password)]
    return base64.b64encode(b"\0" + parts[0] + b"\0" + parts[1])
