"""The incident's tables, and the table-mysql configurations that read them.

The table of users is shared with a webmail, SOGo, which wants c_uid and c_name of it, too. So there
are seven columns of text.
"""

from __future__ import annotations

import functools
import subprocess

from .mariadb import DATABASE, PASSWORD, USER, MariaDB

ALICE = "alice@example.org"
JOSE = "josé@example.org"
POISON = "ałice@example.org"  # U+0142 is not in latin1
LOGIN_PASSWORD = "correct horse"  # of the two users above
DOMAIN = "example.org"
SENT_AS = "sales@example.org"  # an alias of alice's, which she may send as

TABLES = """
CREATE DATABASE {database};
USE {database};
CREATE TABLE vdomains (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    domain VARCHAR(255) NOT NULL UNIQUE
) ENGINE=InnoDB CHARACTER SET {charset} COLLATE {collation};
CREATE TABLE vusers (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    c_uid VARCHAR(255) NOT NULL DEFAULT '',
    c_name VARCHAR(255) NOT NULL DEFAULT '',
    mail VARCHAR(255) NOT NULL UNIQUE,
    c_password VARCHAR(255) NOT NULL,
    active TINYINT NOT NULL DEFAULT 1
) ENGINE=InnoDB CHARACTER SET {charset} COLLATE {collation};
CREATE TABLE valias (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    alias VARCHAR(255) NOT NULL,
    addr VARCHAR(255) NOT NULL
) ENGINE=InnoDB CHARACTER SET {charset} COLLATE {collation};
INSERT INTO vdomains (domain) VALUES ('{domain}'), ('example.net');
INSERT INTO vusers (mail, c_password) VALUES ('{alice}', '{crypt}'), ('{jose}', '{crypt}');
INSERT INTO valias (alias, addr) VALUES ('{alice}', '{sent_as}');
CREATE USER '{user}'@'%' IDENTIFIED BY '{password}';
GRANT SELECT ON {database}.* TO '{user}'@'%';
"""

CREDENTIALS = "select mail, c_password from vusers where mail = ?"
DOMAINS = "select domain from vdomains where domain = ?"
# The author's own, to the letter; it finds the addresses that a user may send as.
SENDERS = (
    r"with t as (SELECT REGEXP_REPLACE( ? , '[+]([^@])+\@', '\@' )  as addr) "
    r"select valias.addr as mail from valias join t on "
    r"REGEXP_REPLACE(valias.alias, '[+]([^@])+\@', '\@' ) = t.addr "
    r"JOIN vdomains AS vd ON valias.addr LIKE CONCAT('%',vd.domain,'%') "
    r"UNION select mail from vusers join t on vusers.mail = t.addr;"
)
QUERIES = {
    "creds": ("query_credentials", CREDENTIALS),
    "domains": ("query_domain", DOMAINS),
    "sndrs": ("query_mailaddrmap", SENDERS),
}


@functools.cache
def crypt(password: str) -> str:
    """A password in the form that smtpd compares with."""
    done = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"],
        input=password,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.strip()


def load(server: MariaDB, *, charset: str = "latin1", collation: str = "latin1_swedish_ci") -> None:
    """Create the database of the incident, anew if it is there already."""
    sql = f"DROP DATABASE IF EXISTS {DATABASE}; DROP USER IF EXISTS '{USER}'@'%';"
    sql += TABLES.format(
        database=DATABASE,
        charset=charset,
        collation=collation,
        domain=DOMAIN,
        alice=ALICE,
        jose=JOSE,
        sent_as=SENT_AS,
        crypt=crypt(LOGIN_PASSWORD),
        user=USER,
        password=PASSWORD.replace("'", "''"),
    )
    server.execute(sql, database="")


def table_conf(name: str, address: str) -> str:
    """The text of table-mysql's configuration file for one table of the mail server."""
    query_name, query = QUERIES[name]
    settings = {
        "host": address,
        "username": USER,
        "password": PASSWORD,
        "database": DATABASE,
        query_name: query,
    }
    return "".join(f"{key} {value}\n" for key, value in settings.items())
