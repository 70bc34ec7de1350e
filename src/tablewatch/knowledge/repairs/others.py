"""What to do about what SQLite, Redis, LDAP, socketmap and the operating system say."""

from __future__ import annotations

from tablewatch.knowledge.repair import DOCTOR, UPDATE, Repair, lines, person, shell, sql

_SQLITE = "https://www.sqlite.org/"
_LDAP_CODES = "RFC 4511, 4.1.9 (result codes)"
_LDAPSEARCH = (
    "ldapsearch -x -H URL -D USERNAME -W -b BASEDN '(uid=x)'",
    "with url, username and basedn of CONF; it asks for the password",
)

# --- SQLite

SQLITE_COMPARE = Repair(
    "compare the key as plain text in the query: = ?, with no pattern, JSON or MATCH made of it",
    (
        DOCTOR,
        sql("SELECT ... WHERE COLUMN_NAME = ?", "in CONF, instead of LIKE ?, GLOB ? or MATCH ?"),
        UPDATE,
    ),
    (f"{_SQLITE}lang_expr.html", f"{_SQLITE}limits.html"),
)
SQLITE_INTERRUPTED = Repair(
    "nothing interrupts table-sqlite by itself: look in the mail log for what happened to the "
    "backend",
    (),
    (f"{_SQLITE}rescode.html#interrupt",),
)
SQLITE_FREE_LOCK = Repair(
    "heals as soon as the lock is free. Shorten the writer's transaction, or switch the file to "
    "write-ahead logging",
    (
        sql("PRAGMA journal_mode = WAL;", "sqlite3 DBPATH; readers and a writer no longer collide"),
        shell("fuser DBPATH", "Debian: who has it open; OpenBSD: fstat DBPATH"),
        person("with WAL smtpd's user must be able to write to the directory of the file"),
    ),
    (f"{_SQLITE}wal.html", f"{_SQLITE}rescode.html#busy"),
)
SQLITE_NAMES = Repair(
    "correct the name or dbpath in the backend's file, or create what it names (a wrong path "
    "makes an empty file), then: smtpctl update table NAME",
    (DOCTOR, shell("sqlite3 -readonly DBPATH .schema"), shell("grep dbpath CONF"), UPDATE),
    (f"{_SQLITE}rescode.html#error", "table-sqlite(5)"),
)
SQLITE_QUERY = Repair(
    "correct the query in the backend's file: one ? for the key, and the columns that "
    "table-sqlite(5) says, then: smtpctl update table NAME",
    (
        DOCTOR,
        shell("sqlite3 -readonly DBPATH \"EXPLAIN SELECT ... WHERE COLUMN_NAME = 'x'\""),
        UPDATE,
    ),
    (f"{_SQLITE}lang_select.html", "table-sqlite(5)"),
)
SQLITE_OPEN = Repair(
    "let smtpd's user read the file of dbpath and pass its directories, then: "
    "smtpctl update table NAME",
    (
        shell('ls -ld DBPATH "$(dirname DBPATH)"', "also the directories above"),
        shell("chgrp _smtpd DBPATH && chmod g+r DBPATH", "Debian: opensmtpd"),
        UPDATE,
    ),
    (f"{_SQLITE}rescode.html#cantopen", "table-sqlite(5)"),
)
SQLITE_READ = Repair(
    "let the query only read, or let smtpd's user write the file and its directory (for "
    "write-ahead logging)",
    (shell('ls -ld DBPATH "$(dirname DBPATH)"'),),
    (f"{_SQLITE}rescode.html#readonly", f"{_SQLITE}wal.html"),
)
SQLITE_RESTORE = Repair(
    "the file is damaged or no database: check it, recover what can be read, or restore it from a "
    "backup",
    (
        shell("sqlite3 -readonly DBPATH 'PRAGMA integrity_check'"),
        shell(
            "sqlite3 DBPATH .recover | sqlite3 RECOVERED", "then move it in place of the old one"
        ),
        shell("df -h", "is the disk full?"),
        UPDATE,
    ),
    (f"{_SQLITE}howtocorrupt.html", f"{_SQLITE}recovery.html"),
)

# --- Redis

REDIS_START = Repair(
    "start Redis, or correct master and slave in the backend's file; until then lookups get "
    "temporary errors",
    (
        shell("rcctl check redis || rcctl start redis", "OpenBSD"),
        shell("systemctl status redis-server", "Debian; then: systemctl start redis-server"),
        shell("redis-cli -h HOST ping", "PONG is right"),
        person(
            "table-redis of opensmtpd-extras 6.7.1 does not read its file: it always asks "
            "127.0.0.1, port 6379; 1.0 and later read it"
        ),
    ),
    ("https://redis.io/docs/latest/operate/oss_and_stack/management/config/", "table-redis(5)"),
)
REDIS_LOST = Repair(
    "heals by itself. If it comes back: did Redis restart, or close idle clients (timeout in "
    "redis.conf)?",
    (
        shell("redis-cli config get timeout", "in seconds; 0 is never"),
        shell("redis-cli info server | grep uptime"),
        lines("redis.conf", "timeout 0\ntcp-keepalive 300"),
    ),
    ("https://redis.io/docs/latest/develop/reference/clients/",),
)
REDIS_PROTOCOL = Repair(
    "what answers at this address is no Redis, or one that wants TLS: correct master and "
    "master_port in the backend's file",
    (shell("redis-cli -h HOST -p PORT ping", "PONG is right"),),
    ("table-redis(5)",),
)
REDIS_LOGIN = Repair(
    "correct password in the backend's file, then: smtpctl update table NAME",
    (
        shell("redis-cli -h HOST --askpass ping", "PONG is right, NOAUTH or WRONGPASS is not"),
        lines("redis.conf", "requirepass PASSWORD"),
        UPDATE,
    ),
    ("https://redis.io/docs/latest/operate/oss_and_stack/management/security/", "table-redis(5)"),
)
REDIS_DATABASE = Repair(
    "correct database in the backend's file: a number below databases of redis.conf, then: "
    "smtpctl update table NAME",
    (shell("redis-cli config get databases", "16 by default: 0 to 15"), UPDATE),
    ("table-redis(5)",),
)

# --- LDAP

LDAP_START = Repair(
    "start the LDAP server, or correct url in the backend's file; until then lookups get "
    "temporary errors",
    (
        shell("rcctl check slapd || rcctl start slapd", "OpenBSD; ldapd: its name instead"),
        shell("systemctl status slapd", "Debian; then: systemctl start slapd"),
        shell(*_LDAPSEARCH),
    ),
    ("table-ldap(5)", "https://www.openldap.org/doc/admin26/"),
)
LDAP_LOST = Repair(
    "heals by itself. If it comes back: did the server restart, or close idle connections "
    "(idletimeout)? Is url an LDAP server?",
    (
        lines("slapd.conf", "idletimeout 0", "seconds; 0 is never"),
        shell(*_LDAPSEARCH),
        person(
            "after a failed reconnect table-ldap may crash at its next lookup; tablewatch replaces "
            "it"
        ),
    ),
    ("table-ldap(5)",),
)
LDAP_HOST = Repair(
    "correct the host in url, or make this machine resolve the name",
    (shell("getent hosts HOST"), shell("grep '^url' CONF")),
    ("table-ldap(5)",),
)
LDAP_LOGIN = Repair(
    "correct username (a DN) and password in the backend's file, then: smtpctl update table NAME",
    (
        shell(*_LDAPSEARCH),
        person("result #49 is a wrong password, #32 no such DN, #8 and #13 ask for TLS, #34 no DN"),
        UPDATE,
    ),
    (_LDAP_CODES, "table-ldap(5)"),
)
LDAP_BUSY = Repair(
    "heals by itself: the LDAP server is busy (#51), unavailable (#52) or in trouble (#80); its "
    "log has the reason",
    (shell(*_LDAPSEARCH),),
    (_LDAP_CODES,),
)
LDAP_URL = Repair(
    "write url in the backend's file as ldap://HOST or ldaps://HOST: table-ldap knows neither "
    "ldapi:// nor ldap+tls://",
    (lines("CONF", "url ldaps://HOST"), UPDATE),
    ("table-ldap(5)",),
)
LDAP_TLS = Repair(
    "correct ca_file in the backend's file, or the server's certificate: it must name the host of "
    "url",
    (
        shell(
            "openssl s_client -connect HOST:636 -verify_hostname HOST -CAfile CA_FILE </dev/null"
        ),
        lines("CONF", "ca_file /etc/ssl/cert.pem", "Debian: /etc/ssl/certs/ca-certificates.crt"),
        UPDATE,
    ),
    ("table-ldap(5)",),
)
LDAP_SERVICES = Repair(
    "write a filter and its attributes in the backend's file for each service smtpd.conf uses the "
    "table for",
    (
        lines(
            "CONF",
            "credentials_filter (&(objectClass=posixAccount)(uid=%s))\n"
            "credentials_attributes uid,userPassword",
        ),
        UPDATE,
    ),
    ("table-ldap(5)",),
)
LDAP_ATTRIBUTES = Repair(
    "give the entry one value for each attribute in the backend's file: the first is taken, a "
    "missing or long one fails",
    (shell(*_LDAPSEARCH), person("look the key up and count the values of the attributes in CONF")),
    ("table-ldap(5)",),
)

# --- socketmap

SOCKETMAP_START = Repair(
    "start the socketmap server, or name its socket in smtpd.conf; until then lookups get "
    "temporary errors",
    (
        shell("ls -l SOCKET", "SOCKET is the path in smtpd.conf; smtpd's user must reach it"),
        shell("fstat | grep SOCKET", "OpenBSD: who listens; Debian: ss -xlp"),
    ),
    ("table-socketmap(5)",),
)
SOCKETMAP_LOST = Repair(
    "the socketmap server went away; table-socketmap never connects again by itself, tablewatch "
    "replaces it. Is the server stable?",
    (shell("ls -l SOCKET", "SOCKET is the path in smtpd.conf"), UPDATE),
    ("table-socketmap(5)",),
)
SOCKETMAP_PATH = Repair(
    "move the socket: its path may have about 100 characters",
    (lines("smtpd.conf", "table NAME watch-socketmap:/var/run/map.sock"),),
    ("unix(4)",),
)
SOCKETMAP_REPLY = Repair(
    "correct the socketmap server: a reply is one line that begins with OK, NOTFOUND, TEMP, "
    "TIMEOUT or PERM and a blank",
    (
        person(
            "even NOTFOUND must have the blank behind it; table-socketmap's lines have no "
            "netstring lengths, unlike sendmail's"
        ),
    ),
    ("table-socketmap(5)",),
)

# --- the operating system

CONNECT = Repair(
    "start the server, or correct its address in the backend's file; until then lookups get "
    "temporary errors and no mail is lost",
    (
        shell("netstat -ln", "who listens here; Debian: ss -ltn"),
        shell("nc -z HOST PORT; echo $?", "0: something listens there"),
    ),
    ("connect(2)",),
)
CONNECTION_BROKEN = Repair(
    "heals by itself. If it comes back: did the server restart or crash (its log), or does a "
    "firewall cut idle connections?",
    (),
    ("errno(2)",),
)
ANSWER_IN_TIME = Repair(
    "the server or the way to it is overloaded or filtered: can this host reach it at all?",
    (shell("nc -z -w 3 HOST PORT; echo $?", "0: something listens there"), shell("ping HOST")),
    ("connect(2)", "pf.conf(5)"),
)
CORRECT_ROUTE = Repair(
    "this machine has no way to the server: look at its network and routes",
    (
        shell("route -n get HOST", "OpenBSD; Debian: ip route get HOST"),
        shell("ifconfig", "Debian: ip address"),
    ),
    ("route(8)",),
)
MORE_FILES = Repair(
    "raise the limit of open files for smtpd; table-socketmap leaks one with each failed "
    "connection",
    (
        lines(
            "/etc/login.conf.d/smtpd", "smtpd:\\\n\t:openfiles=1024:\\\n\t:tc=daemon:", "OpenBSD"
        ),
        shell("systemctl edit opensmtpd", "Debian: LimitNOFILE=1024 below [Service]"),
        lines("/etc/tablewatch.yml", "tables:\n  NAME:\n    runaway:\n      max_descriptors: 200"),
    ),
    ("login.conf(5)",),
)
MORE_MEMORY = Repair(
    "this machine is out of memory, or smtpd's login class too small; if the backend grows, let "
    "tablewatch replace it",
    (
        shell("top -o res", "Debian: top -o RES"),
        lines("/etc/tablewatch.yml", "tables:\n  NAME:\n    runaway:\n      max_memory: 256M"),
    ),
    ("login.conf(5)", "tablewatch.yml(5), runaway.max_memory"),
)
PERMIT = Repair(
    "let smtpd's user (_smtpd, Debian: opensmtpd) reach the socket or file and pass its "
    "directories",
    (
        shell('ls -ld PATH "$(dirname PATH)"'),
        shell("su -m _smtpd -c 'test -r PATH'; echo $?", "Debian: runuser -u opensmtpd"),
    ),
    ("chmod(1)",),
)
