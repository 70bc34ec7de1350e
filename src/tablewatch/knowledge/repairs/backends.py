"""What to do about what the table backends say by themselves, whatever database is behind them."""

from __future__ import annotations

from tablewatch.knowledge.repair import DOCTOR, UPDATE, Repair, lines, person, shell

_MANUALS = "table-mysql(5), table-postgres(5), table-ldap(5), table-redis(5), table-sqlite(5)"
_ISSUES = "https://github.com/OpenSMTPD/OpenSMTPD/issues/"
_ASK = shell("tablewatch query BACKEND:CONF SERVICE KEY", "asks as smtpd does, and shows it all")
_ERRORS = (
    "https://mariadb.com/kb/en/mariadb-error-codes/",
    "https://www.postgresql.org/docs/current/errcodes-appendix.html",
    "https://www.sqlite.org/rescode.html",
)

LOOK_UP_ERROR = Repair(
    "look the message up in the mail log; a pattern for it can go into /etc/tablewatch.d",
    (
        shell("grep 'table NAME: backend:' /var/log/maillog", "Debian: /var/log/mail.log"),
        _ASK,
        lines(
            "/etc/tablewatch.d/local.yml",
            "patterns:\n  my-error:\n    message: 'its fixed beginning *'\n    class: query\n"
            "    cause: what it means\n    repair: what to do about it",
            "see tablewatch.yml(5), PATTERNS OF YOUR OWN",
        ),
    ),
    _ERRORS,
)
UNNAMED = Repair(
    "the backend does not say which error (two rows in a subquery, a value over 2 kB, a query too "
    "slow): tablewatch doctor tries it",
    (DOCTOR, _ASK),
    ("https://mariadb.com/kb/en/mariadb-error-codes/",),
)
START_DATABASE = Repair(
    "start the database, or correct its address in the backend's file; until then lookups get "
    "temporary errors and no mail is lost",
    (
        shell("rcctl ls failed", "OpenBSD; Debian: systemctl --failed"),
        shell("netstat -ln", "who listens here; Debian: ss -ltn"),
        DOCTOR,
    ),
    (_MANUALS, "https://github.com/OpenSMTPD/OpenSMTPD-extras/pull/5"),
)
CORRECT_FILE = Repair(
    "correct the backend's configuration file (named in smtpd.conf): a key, a blank, its value; "
    "then: smtpctl update table NAME",
    (
        shell("ls -l CONF", "smtpd's user (_smtpd, Debian: opensmtpd) must be able to read it"),
        _ASK,
        UPDATE,
    ),
    (_MANUALS,),
)
OPEN_FILE = Repair(
    "create the backend's configuration file, or let smtpd's user read it: it is named in "
    "smtpd.conf",
    (
        shell("ls -l CONF"),
        shell("chgrp _smtpd CONF && chmod 640 CONF", "Debian: opensmtpd; it may hold a password"),
        UPDATE,
    ),
    ("smtpd.conf(5), table", _MANUALS),
)
CORRECT_PASSWD = Repair(
    "correct the line of the passwd file: seven fields with colons between them, as in passwd(5)",
    (
        lines("CONF", "login:HASH:UID:GID::/home/directory:", "HASH from: smtpctl encrypt"),
        shell("awk -F: 'NF < 6 && !/^#/ { print FNR }' CONF", "the lines with too few fields"),
        UPDATE,
    ),
    ("table-passwd(5)", "passwd(5)"),
)
SHORTER_KEY = Repair(
    "nothing is broken: no address is that long. filter.max_length in tablewatch.yml refuses such "
    "keys without asking",
    (
        lines(
            "/etc/tablewatch.yml",
            "tables:\n  NAME:\n    filter:\n      max_length: 320",
            "64 for the local part, 255 for the domain, and the @ between them",
        ),
    ),
    ("RFC 5321, 4.5.3.1", "tablewatch.yml(5), filter.max_length"),
)
SMALLER_RESULT = Repair(
    "let this key find less: an answer has to fit into about 2 kB (many aliases: one alias to a "
    "list of its own)",
    (_ASK, person("for credentials and userinfo, look for very long columns")),
    ("smtpd-tables(7)",),
)
OTHER_SERVICE = Repair(
    "use the table in smtpd.conf only for services its backend offers, or take another backend for "
    "this one",
    (
        shell("grep -n 'NAME' /etc/mail/smtpd.conf", "Debian: /etc/smtpd.conf"),
        person(
            "table-passwd: credentials, userinfo; table-redis and -socketmap: all but mailaddrmap; "
            "relayhost, string, regex and auth: none of them"
        ),
    ),
    ("smtpd-tables(7)", "table(5)"),
)
SAME_PROTOCOL = Repair(
    "install the backend that fits this smtpd: opensmtpd-extras up to 7.5, the packages table-... "
    "from 7.6 on",
    (
        shell("smtpd -h; pkg_info | grep -i opensmtpd", "Debian: dpkg -l 'opensmtpd*'"),
        shell("smtpctl show status"),
    ),
    ("smtpd-tables(7)",),
)
CORRECT_ARGUMENT = Repair(
    "write one path behind the backend's name in smtpd.conf, and nothing else",
    (lines("/etc/mail/smtpd.conf", "table NAME watch-mysql:/etc/mail/mysql.conf"),),
    ("smtpd.conf(5), table",),
)
