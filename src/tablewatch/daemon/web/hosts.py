"""Which names this server answers to: the defence against DNS rebinding.

A web page that an administrator happens to look at may have its own name resolve to 127.0.0.1, and
then read, with the administrator's browser, what is meant for this host alone. The browser tells
that name in the Host header. So on loopback only names that nobody else can hold are answered.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from tablewatch.config.places import split_address


def own_names(listen: Iterable[str]) -> frozenset[str]:
    """Return the names of this host that need no resolver, and those in the addresses `listen`."""
    name = socket.gethostname().lower()
    hosts = {split_address(each)[0].lower() for each in listen}
    return frozenset({"localhost", name, name.partition(".")[0], *hosts} - {""})


def host_of(header: str) -> str:
    """Return the host in a Host header, without port, brackets and a dot at the end."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def is_ours(header: str, names: frozenset[str]) -> bool:
    """Whether a Host header names this host by an address, as localhost, or by one of `names`."""
    host = host_of(header)
    return host in names or host.endswith(".localhost") or _is_address(host)


def is_loopback(address: str) -> bool:
    """Whether `address`, an IP address of a socket, is one of this host's to itself."""
    return _is_address(address) and ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
