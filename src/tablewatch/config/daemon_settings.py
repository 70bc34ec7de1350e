"""What can be configured about tablewatchd; a part of :mod:`tablewatch.config.settings`."""

from __future__ import annotations

from tablewatch.record import Record

# Sockets in `DaemonSettings.directory`.
LINK_SOCKET = "link.sock"  # supervisors
CONTROL_SOCKET = "control.sock"  # tools

# smtpd's user for tables: OpenBSD, Debian, others that build the portable version as it comes.
SMTPD_USERS = ("_smtpd", "opensmtpd", "smtpd")


class DaemonSettings(Record):
    """tablewatchd, and where the supervisors find it."""

    # Of the two sockets: link.sock for supervisors, control.sock for the tools. In /var/run, which
    # is emptied at boot: a socket without its daemon would only be in the way.
    directory: str = "/var/run/tablewatch"
    # Metrics and the status page, for this host alone: whoever may look from outside is for the
    # administrator to say. The ports 9100 to 9999 of Prometheus exporters are all taken.
    listen: tuple[str, ...] = ("127.0.0.1:10099",)
    # TLS and passwords for these, in the format of the Prometheus exporters. None: plain HTTP.
    web_config: str = ""
    # Whose processes may say that they are a table: smtpd's user for tables, on OpenBSD, Debian
    # and elsewhere. root always may.
    supervisors: tuple[str, ...] = SMTPD_USERS
    # Who may see incidents, list and release keys, reset, pause and reload, besides root; the
    # status is free to all on the host, as the page is. None: what is refused is a matter of
    # security.
    operators: tuple[str, ...] = ()
    # What a scrape waits for supervisors; half of Prometheus' default timeout of ten seconds. They
    # answer within milliseconds, unless they hang.
    timeout: float = 5.0
    # A table whose supervisor left is shown as gone for so long: more than a restart takes, and
    # not for ever, because tables are also taken out of smtpd.conf.
    forget_after: float = 3600.0
    # A file for each incident, so that a restart forgets none. In /var/db, where OpenBSD has what
    # programs keep (hier(7)); Linux does not mind, and one path is easier to find and to tell of
    # than two. Not in `directory`, which is emptied at boot.
    incidents_directory: str = "/var/db/tablewatch/incidents"
    # 10 to 20 KB each, as a rule, and 256 KB at most: 50 MB at worst, in memory and on the disk.
    # A bad week has some dozens.
    max_incidents: int = 200
    # By pledge(2) and unveil(2), on OpenBSD. Off: a daemon that can't do something it was expected
    # to do is a surprise, and only who asked for it knows where that comes from.
    confine: bool = False
