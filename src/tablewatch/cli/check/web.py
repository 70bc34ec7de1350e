"""The status over HTTP, by http.client: no proxies, no redirects, no more bytes than expected."""

from __future__ import annotations

import base64
import http.client
import os
import re
import ssl
import stat
import urllib.parse

from tablewatch import __version__
from tablewatch.cli.check.options import PORT, Options
from tablewatch.control.records import from_plain
from tablewatch.control.status import HostStatus
from tablewatch.control.wire import MAX_REPLY, decode
from tablewatch.errors import ControlError, DaemonAbsent, DaemonSilent

PATH = "/api/v1/status"
MAX_CREDENTIALS = 1024  # bytes


def fetch(options: Options) -> HostStatus:
    """Return the status at `options.url`; raises as :func:`tablewatch.cli.check.sources.status`."""
    url = _split(options.url)
    headers = {"User-Agent": f"check_tablewatch/{__version__}", "Accept": "application/json"}
    if options.credentials:
        headers["Authorization"] = "Basic " + _credentials(options.credentials)
    connection = _connection(url, options)
    try:
        connection.request("GET", _path(url.path), headers=headers)
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise _refusal(response, options)
        body = response.read(MAX_REPLY + 1)
        if response.length and len(body) <= MAX_REPLY:  # less came than was promised
            raise ConnectionResetError
    except TimeoutError:
        raise DaemonSilent(f"{options.url}: no answer") from None
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message
        raise DaemonAbsent(
            f"{options.url}: the certificate is not good ({why}); see --ca-file"
        ) from None
    except (ConnectionError, http.client.IncompleteRead):
        raise DaemonAbsent(
            f"{options.url}: no connection, or one that was closed; is tablewatchd running?"
        ) from None
    except OSError as error:
        raise DaemonAbsent(f"{options.url}: {error.strerror or error}") from None
    except UnicodeError:  # Python's, for a name with a part of more than 63 characters
        raise ControlError(f"{options.url}: no name of a host") from None
    except http.client.HTTPException:
        raise ControlError(f"{options.url}: the answer is not HTTP; {_WHO}") from None
    finally:
        connection.close()
    if len(body) > MAX_REPLY:
        raise ControlError(f"{options.url}: more than {MAX_REPLY} bytes; {_WHO}")
    try:
        return from_plain(HostStatus, decode(body))
    except ControlError as error:
        raise ControlError(f"{options.url}: can't be understood ({error}); {_WHO}") from None


_WHO = "is it tablewatchd's address?"


def _split(text: str) -> urllib.parse.SplitResult:
    try:
        url = urllib.parse.urlsplit(text)
        port = url.port
    except ValueError:
        port, url = 0, urllib.parse.urlsplit("")
    web = url.scheme in ("http", "https") and url.hostname and port != 0
    if not web or not re.fullmatch(r"[!-~]+", text):
        raise ControlError(f"--url: {text} is none; write one like http://127.0.0.1:{PORT}")
    if url.username is not None or url.password is not None:
        raise ControlError("--url: every user sees the command line; use --credentials FILE")
    if url.query or url.fragment:
        raise ControlError(f"--url: {text}: write it without what is behind ? or #")
    return url


def _path(path: str) -> str:
    """Return the path of the status below `path`, where a proxy may have put the page."""
    base = path.rstrip("/")
    return base if base.endswith(PATH) else base + PATH


def _connection(url: urllib.parse.SplitResult, options: Options) -> http.client.HTTPConnection:
    assert url.hostname is not None
    if url.scheme == "http":
        if options.ca_file:
            raise ControlError("--ca-file is for an address that begins with https")
        return http.client.HTTPConnection(url.hostname, url.port, timeout=options.seconds)
    try:
        context = ssl.create_default_context(cafile=options.ca_file or None)
    except (OSError, ValueError) as error:
        raise ControlError(f"--ca-file: {options.ca_file}: {error}") from None
    return http.client.HTTPSConnection(
        url.hostname, url.port, timeout=options.seconds, context=context
    )


def _refusal(response: http.client.HTTPResponse, options: Options) -> ControlError:
    said = f"{options.url}: answered {response.status}"
    if response.status in (401, 403):
        todo = "it does not know this user and password" if options.credentials else "it wants a "
        more = "" if options.credentials else "user and password: --credentials FILE"
        return ControlError(f"{said}; {todo}{more}")
    if 300 <= response.status < 400:
        return ControlError(f"{said}, a redirect; write the address it leads to")
    if response.status >= 500:
        return DaemonAbsent(f"{said}; look at the log of tablewatchd, or of the proxy before it")
    return ControlError(f"{said}; {_WHO}")


def _credentials(path: str) -> str:
    """Return ``user:password`` from the first line of `path`, in base64."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ControlError(f"--credentials: {path}: {why}") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise ControlError(f"--credentials: {path} is no regular file")
        if mode & stat.S_IRWXO:
            raise ControlError(f"--credentials: {path} is open to every user; run: chmod o= {path}")
        line = os.read(descriptor, MAX_CREDENTIALS + 1).partition(b"\n")[0].rstrip(b"\r")
    finally:
        os.close(descriptor)
    user, colon, password = line.partition(b":")
    if not (user and colon and password) or len(line) > MAX_CREDENTIALS:
        raise ControlError(f"--credentials: {path}: the first line is to be user:password")
    return base64.b64encode(line).decode()
