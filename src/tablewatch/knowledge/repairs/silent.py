"""What to do where a backend left no line that says why: known by what it did.

The ids are those of incidents: ``backend-`` and the reason for which the table gave it up.
"""

from __future__ import annotations

from tablewatch.knowledge.repair import DOCTOR, RELOAD, Repair, lines, person, shell

_ASK = shell("tablewatch query BACKEND:CONF SERVICE KEY", "asks as smtpd does, and shows it all")
_LOG = shell("grep 'table NAME:' /var/log/maillog", "Debian: /var/log/mail.log")
_VERSIONS = shell("pkg_info | grep -i opensmtpd", "Debian: dpkg -l 'opensmtpd*'")
_EXTRAS = "https://github.com/OpenSMTPD/OpenSMTPD-extras"
_ISSUES = "https://github.com/OpenSMTPD/OpenSMTPD/issues/"
_POLICY = "tablewatch.yml(5)"

# The one for any trouble of the connection where no error tells more.
OUTAGE = Repair(
    "is the database running, reachable, and not out of connections?",
    (
        shell("rcctl ls failed", "OpenBSD; Debian: systemctl --failed"),
        DOCTOR,
        _LOG,
    ),
    (_POLICY + ", breaker",),
)

# Where nothing is known.
UNEXPLAINED = Repair("look for the backend's own words in the mail log", (_LOG, DOCTOR))

SILENT = {
    "database-connection": OUTAGE,
    "backend-deadline": Repair(
        "look whether the database hangs: locks, a full disk, a slow query; the backend has no "
        "timeout of its own",
        (
            DOCTOR,
            shell("df -h; top -b", "on the database's machine; Debian: top -b -n 1"),
            shell("mariadb -e 'SHOW FULL PROCESSLIST'", "MariaDB: who waits for what"),
            shell("psql -c 'SELECT * FROM pg_stat_activity'", "PostgreSQL: the same"),
        ),
        (_POLICY + ", deadline", _ISSUES + "1048"),
    ),
    "backend-spin": Repair(
        "the backend loops without a word: update it, and report it to its authors with what "
        "ktrace or strace shows",
        (
            _VERSIONS,
            shell("ktrace -p PID; sleep 1; ktrace -C; kdump | tail -100", "Debian: strace -p PID"),
        ),
        (_EXTRAS, _POLICY + ", runaway"),
    ),
    "backend-throttled": Repair(
        "update the backend; on_exhausted: tempfail replaces it at once instead of slowing it down",
        (
            _VERSIONS,
            lines("/etc/tablewatch.yml", "tables:\n  NAME:\n    on_exhausted: tempfail"),
            RELOAD,
        ),
        (_POLICY + ", on_exhausted",),
    ),
    "backend-damage": Repair(
        "update the backend to the version that fits this smtpd; a script that prints to its "
        "standard output does it, too",
        (_VERSIONS, _ASK),
        ("smtpd-tables(7)",),
    ),
    "backend-exit": Repair(
        "look for its last words in the mail log, and update it: empty or NULL columns, too, make "
        "some backends crash",
        (_LOG, DOCTOR, _VERSIONS),
        (_EXTRAS,),
    ),
    "backend-start": Repair(
        "start it by hand, it says why: tablewatch query BACKEND:CONF SERVICE KEY",
        (_ASK, shell("ls -l CONF", "smtpd's user must be able to read it"), _LOG),
        (_EXTRAS + "/pull/5",),
    ),
    "backend-retries": Repair(
        "look in the mail log for what it says when it reconnects; update it: the table-mysql of "
        "opensmtpd-extras retries for ever",
        (_LOG, DOCTOR, _VERSIONS),
        (_ISSUES + "788", _ISSUES + "928"),
    ),
    "backend-stuck": Repair(
        "ask it by hand: tablewatch query BACKEND:CONF SERVICE KEY; a lost connection it does not "
        "notice ends with: smtpctl update table NAME",
        (
            _ASK,
            shell("tablewatch reset NAME", "a new backend, and nothing held against it"),
            person("table-redis says error where others say not found"),
        ),
        ("tablewatch(1), query",),
    ),
    "backend-memory": Repair(
        "update the backend: it leaks; tablewatch replaces it between two lookups. Or raise "
        "runaway.max_memory",
        (
            _VERSIONS,
            lines("/etc/tablewatch.yml", "tables:\n  NAME:\n    runaway:\n      max_memory: 512M"),
            RELOAD,
        ),
        (_POLICY + ", runaway.max_memory",),
    ),
    "backend-descriptors": Repair(
        "update the backend: it leaks; tablewatch replaces it between two lookups. Or raise "
        "runaway.max_descriptors",
        (
            _VERSIONS,
            lines(
                "/etc/tablewatch.yml", "tables:\n  NAME:\n    runaway:\n      max_descriptors: 500"
            ),
            RELOAD,
        ),
        (_POLICY + ", runaway.max_descriptors",),
    ),
    "backend-error": UNEXPLAINED,
    "backend-internal": Repair(
        "report it, with the lines of the mail log around it; lookups go on",
        (_LOG, shell("tablewatch --version; python3 --version")),
    ),
    "backend-settings": Repair(
        "see what is wrong, and where: tablewatch check-config",
        (shell("tablewatch check-config"), RELOAD),
        (_POLICY,),
    ),
}
