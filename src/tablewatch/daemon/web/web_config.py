"""The file that ``web_config`` names: TLS and passwords, as the Prometheus exporters have them.

Understood is this part of the format of Prometheus' exporter-toolkit (docs/web-configuration.md)::

    tls_server_config:
      cert_file: server.crt             # names without a / in front lie beside this file
      key_file: server.key
      client_auth_type: RequireAndVerifyClientCert
      client_ca_file: ca.crt
      min_version: TLS12
    basic_auth_users:
      prometheus: $2y$10$...            # htpasswd -nBC 10 prometheus

Everything else is refused: an administrator must not believe to be protected by what is ignored.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

import yaml

from tablewatch.config.quotes import bare, nearest, shown
from tablewatch.config.syntax import compose
from tablewatch.daemon.web.passwords import crypt_trouble, hash_trouble
from tablewatch.errors import ConfigError, Problem
from tablewatch.knowledge.masking import scrub

MAX_BYTES = 256 * 1024

NO_CLIENT = "NoClientCert"
ANY_CLIENT = "VerifyClientCertIfGiven"
REQUIRED = "RequireAndVerifyClientCert"

_CHOICES = {
    "client_auth_type": (NO_CLIENT, ANY_CLIENT, REQUIRED),
    "min_version": ("TLS12", "TLS13"),
}
# Right words of exporter-toolkit that mean something unsafe, or nothing here.
_REFUSED = {
    "RequestClientCert": f"takes any certificate, checked or not; write {REQUIRED}",
    "RequireAnyClientCert": f"takes any certificate, checked or not; write {REQUIRED}",
    "TLS10": "is not safe any more; write TLS12 or TLS13",
    "TLS11": "is not safe any more; write TLS12 or TLS13",
}
_ELSEWHERE = {
    "cert": "a certificate can't stand in here; write it to a file and name that in cert_file",
    "key": "a key can't stand in here; write it to a file and name that in key_file",
    "client_ca": "a certificate can't stand in here; name its file in client_ca_file",
}
_STRING, _NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """``tls_server_config``; paths are absolute."""

    cert_file: str = ""
    key_file: str = ""
    client_auth_type: str = NO_CLIENT
    client_ca_file: str = ""
    min_version: str = "TLS12"


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What a web configuration says; nothing at all without one."""

    path: str = ""
    tls: TlsSettings | None = None
    users: dict[str, str] = field(default_factory=dict)


def load(path: str) -> WebConfig:
    """Return what the file `path` says; "" says nothing. Raises ConfigError with every problem."""
    if not path:
        return WebConfig()
    text, mode = _read(path)
    reader = _Reader(path)
    config = reader.read(compose(text, path))
    if config.users and mode & stat.S_IROTH:
        why = "holds hashes of passwords and can be read by everybody; run: chmod o-r "
        reader.problem(None, "", why + shlex.quote(path))
    if mode & stat.S_IWOTH:
        reader.problem(None, "", f"can be written by everybody; run: chmod o-w {shlex.quote(path)}")
    if config.users and (why := crypt_trouble()):
        reader.problem(None, "basic_auth_users", why)
    if reader.problems:
        raise ConfigError(sorted(reader.problems, key=lambda each: each.line))
    return config


def _read(path: str) -> tuple[str, int]:
    """Return the text of the file and its permissions."""
    try:
        # Not blocking: a named pipe would otherwise wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _failure(path, "is no regular file; name a file")
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        right = "; name a file that tablewatchd's user can read"
        raise _failure(path, f"{error.strerror or error}{right}") from None
    if len(data) > MAX_BYTES:
        raise _failure(path, f"is larger than {MAX_BYTES // 1024} KiB; name the right file")
    try:
        return data.decode(), status.st_mode
    except UnicodeDecodeError:
        raise _failure(path, "is not UTF-8; save it as UTF-8") from None


def _failure(path: str, message: str) -> ConfigError:
    return ConfigError([Problem(path, 0, "", message)])


class _Reader:
    """Goes through the nodes of one file and collects what is wrong."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.problems: list[Problem] = []

    def problem(self, node: yaml.Node | None, key: str, message: str) -> None:
        line = node.start_mark.line + 1 if node is not None else 0
        self.problems.append(Problem(self._path, line, key, message))

    def read(self, root: yaml.Node | None) -> WebConfig:
        tls: TlsSettings | None = None
        users: dict[str, str] = {}
        known = ("tls_server_config", "basic_auth_users")
        for name, key, value in self._pairs(root, ""):
            if name == "tls_server_config":
                tls = self._tls(value)
            elif name == "basic_auth_users":
                users = dict(self._users(value))
            else:
                self._unknown(key, name, "", known)
        return WebConfig(self._path, tls, users)

    def _tls(self, node: yaml.Node) -> TlsSettings | None:
        group = "tls_server_config"
        known = [each.name for each in fields(TlsSettings)]
        found: dict[str, str] = {}
        for name, at, value in self._pairs(node, group):
            if name not in known:
                self._unknown(at, name, group, known)
            elif (text := self._text(value, f"{group}.{name}")) is not None:
                found[name] = self._value(value, f"{group}.{name}", text, name)
        if node.tag == _NULL:
            return None
        for needed in ("cert_file", "key_file"):
            if not found.get(needed):
                self.problem(node, f"{group}.{needed}", "is missing; write the path of a PEM file")
        settings = TlsSettings(**found)
        if bool(settings.client_ca_file) != (settings.client_auth_type != NO_CLIENT):
            key = "client_auth_type" if settings.client_ca_file else "client_ca_file"
            right = REQUIRED if settings.client_ca_file else "the file of the CA of the clients"
            self.problem(node, f"{group}.{key}", f"is missing; write {right}")
        return settings

    def _value(self, node: yaml.Node, key: str, text: str, name: str) -> str:
        if name.endswith("_file"):
            return os.path.join(os.path.dirname(os.path.abspath(self._path)), text) if text else ""
        choices = _CHOICES[name]
        if text in choices:
            return text
        why = f"{shown(_scrubbed(text))} is not known; write {' or '.join(choices)}"
        self.problem(node, key, f"{text} {_REFUSED[text]}" if text in _REFUSED else why)
        return choices[0]

    def _users(self, node: yaml.Node) -> Iterator[tuple[str, str]]:
        for name, key, value in self._pairs(node, "basic_auth_users"):
            place = f"basic_auth_users.{_told(name)}"
            if not name or ":" in name or not name.isprintable():
                self.problem(key, place, "no name of a user; write one without a colon")
            elif (text := self._text(value, place)) is not None:
                if why := hash_trouble(text):
                    self.problem(value, place, why)
                else:
                    yield name, text

    def _pairs(
        self, node: yaml.Node | None, place: str
    ) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Yield the keys of a group, each with its node and that of its value."""
        if node is None or node.tag == _NULL:
            return
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, place, "write keys here, each with a ':' behind it")
            return
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.problem(key, place, "a list or a group can't be a key; write a plain word")
            elif key.value in seen:
                where = f"{place}.{_told(key.value)}".lstrip(".")
                self.problem(key, where, "stands twice; keep one of them")
            else:
                seen.add(key.value)
                yield key.value, key, value

    def _text(self, node: yaml.Node, key: str) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == _STRING:
            return str(node.value)
        right = "a hash in quotes" if key.startswith("basic") else "one word"
        self.problem(node, key, f"write {right} here")
        return None

    def _unknown(
        self, node: yaml.Node, name: str, group: str, known: list[str] | tuple[str, ...]
    ) -> None:
        if group and name in _ELSEWHERE:
            message = _ELSEWHERE[name]
        elif near := nearest(name, known):
            message = f'unknown key; did you mean "{near}"?'
        else:
            message = f"not understood by tablewatchd, leave it out; known here: {', '.join(known)}"
        self.problem(node, f"{group}.{_told(name)}".lstrip("."), message)


def _scrubbed(word: str) -> str:
    """Return `word` without what nobody may see: a hash may stand where a name should."""
    return scrub(word, (), show_keys=True)


def _told(word: str) -> str:
    return bare(_scrubbed(word))
