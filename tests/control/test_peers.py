"""Who is at the other end: by the kernel's word here, and in the layouts of both platforms."""

import os
import pwd
import socket
import struct
import sys

import pytest

from tablewatch.control.peers import Peer, peer_of, read_credentials, uids_of

HIGHEST = 4_294_967_294  # uid_t is unsigned; directories hand out large ones


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' own credentials")
def test_the_kernel_tells_who_connected(ends):
    assert peer_of(ends[0]) == Peer(os.getpid(), os.geteuid())


def test_linux_puts_the_pid_first():
    assert read_credentials(struct.pack("3i", 4711, 1000, 50), "linux") == Peer(4711, 1000)


def test_openbsd_puts_the_pid_last():
    assert read_credentials(struct.pack("3i", 1000, 50, 4711), "openbsd7") == Peer(4711, 1000)


@pytest.mark.parametrize("platform", ["linux", "openbsd7"])
def test_a_user_with_a_high_number_is_not_a_negative_one(platform):
    raw = struct.pack("3I", *((7, HIGHEST, 0) if platform == "linux" else (HIGHEST, 0, 7)))
    assert read_credentials(raw, platform) == Peer(7, HIGHEST)


class Refusing:
    """A socket of a platform whose kernel does not know the option, or knows it otherwise."""

    asked = None

    def getsockopt(self, level, option, size):
        self.asked = (level, option, size)
        raise OSError(22, "Invalid argument")


def test_openbsd_is_asked_by_its_own_number_for_the_option():
    refusing = Refusing()
    assert peer_of(refusing, "openbsd7") is None
    assert refusing.asked == (socket.SOL_SOCKET, 0x1022, 12)


@pytest.mark.parametrize("platform", ["freebsd14", "darwin"])
def test_where_the_platform_does_not_tell_nobody_is_known(ends, platform):
    assert peer_of(ends[0], platform) is None


def test_root_and_the_daemons_own_user_are_always_there():
    assert uids_of([]) == {0, os.geteuid()}


def test_users_are_found_by_name_and_others_left_out():
    some = pwd.getpwall()[-1]
    assert uids_of([some.pw_name, "no-such-user-here"]) == {0, os.geteuid(), some.pw_uid}
