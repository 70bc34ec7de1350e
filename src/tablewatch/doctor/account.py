"""smtpd's user: whom the backends run as, and the doctor with them where root may.

A file that root can read and smtpd's user can't is closed to the backend; a server that goes by the
user of the system lets another one in. So the doctor asks as that user.
"""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator
from typing import NamedTuple

from tablewatch.config.daemon_settings import SMTPD_USERS


class Account(NamedTuple):
    """A user with all of its groups."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def smtpd_account() -> Account | None:
    """Return smtpd's user on this host; None if there is none."""
    for name in SMTPD_USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            groups = tuple(os.getgrouplist(name, entry.pw_gid))
            return Account(name, entry.pw_uid, entry.pw_gid, groups)
    return None


@contextlib.contextmanager
def acting_as(account: Account | None) -> Iterator[None]:
    """Be `account` for the length of a block, if root runs us; nothing changes for None.

    Effective ids belong to the whole process: for one thread, and for few calls that import
    nothing, as Python's own files may be closed to that user.
    """
    if account is None or os.geteuid() != 0:
        yield
        return
    group, groups = os.getegid(), os.getgroups()
    os.setgroups(account.groups)
    try:
        os.setegid(account.gid)
        os.seteuid(account.uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def acting_name(account: Account | None) -> str:
    """Return the name of the user that :func:`acting_as` makes us."""
    if account is not None and os.geteuid() == 0:
        return account.name
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


@contextlib.contextmanager
def without_environment(prefix: str) -> Iterator[None]:
    """Take the variables that begin with `prefix` out of the environment for a block.

    A client library follows them, and the backends don't have those of who runs the doctor.
    """
    taken = {name: value for name, value in os.environ.items() if name.startswith(prefix)}
    for name in taken:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(taken)
