"""The fixed parts of what databases say stand in the message lists of the programs installed here.

This is for the errors that nobody provokes in a test: at least they are spelled right.
"""

import os
import re
import shutil
import subprocess
from glob import glob
from pathlib import Path

import pytest

from tablewatch.knowledge.classify import fits
from tablewatch.knowledge.signatures import ERROR_TEXTS

# MySQL's, or ProxySQL's, or of another version than the ones installed here.
ELSEWHERE = {
    *("mysql-cannot-convert-string", "mysql-conversion-impossible", "mysql-offline"),
    *("mysql-inactivity", "proxysql-connect-timeout", "mysql-plugin"),
}
# Where the message list has more pieces than one, or is of another version.
OTHER_PIECES = {
    ("1139", "Got error '"),  # MySQL 5.7
    ("1142", "SELECT command denied"),  # "%s command denied"
    ("1370", "execute command denied"),
    ("1064", "You have an error in your SQL syntax"),  # "%s near '%s' at line %d"
    ("1055", "Expression #"),  # MySQL
    ("1047", "WSREP has not yet prepared node"),  # the code is that of "Unknown command"
}


def need(found, what, package):
    if found:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing (Debian package {package})", pytrace=False)
    pytest.skip(f"{what} is missing (Debian package {package})")


def of_mariadb():
    return [
        pytest.param(text, id=f"{text.id} {text.code}")
        for text in ERROR_TEXTS
        if text.id.startswith("mysql-") and re.fullmatch(r"1\d{3}|4\d{3}", text.code)
    ]


@pytest.mark.parametrize("text", of_mariadb())
def test_the_number_of_an_error_of_mariadb_is_the_one_of_its_message(text):
    if text.id in ELSEWHERE or (text.code, text.parts[0]) in OTHER_PIECES:
        pytest.skip("not of MariaDB's list")
    need(shutil.which("perror"), "perror", "mariadb-server")
    said = subprocess.run(["perror", text.code], capture_output=True, text=True, check=False)
    message = re.search(rf"MariaDB error code {text.code} \(\w+\): (.*)", said.stdout)
    assert message, said.stdout + said.stderr
    template = re.sub(r"%(-?\.?\*?\d*|-\.\d+)(l?l?[dusxXTcf]|M|`s|sQ|sT|TQ)", "\0", message[1])
    assert fits(text.parts, template) or loosely(text.parts, template), template


def loosely(parts, template):
    """Whether the fixed parts fit where a part goes across what is filled in."""
    pieces = [piece for piece in template.split("\0") if len(piece) > 3]
    joined = "".join(parts)
    return any(piece.strip() in joined or joined in piece for piece in pieces)


def binary(patterns):
    found = [path for pattern in patterns for path in sorted(glob(pattern))]
    return b"".join(Path(path).read_bytes() for path in found)


PROGRAMS = {
    "postgres": (
        ["/usr/lib/postgresql/*/bin/postgres", "/usr/lib/*/libpq.so.5"],
        "postgresql",
    ),
    "pgbouncer": (["/usr/sbin/pgbouncer"], "pgbouncer"),
    "sqlite": (["/usr/lib/*/libsqlite3.so.0"], "libsqlite3-0"),
    "redis": (["/usr/lib/*/libhiredis.so*"], "libhiredis0.14"),
    "client": (["/usr/lib/*/libmariadb.so.3"], "libmariadb3"),
}


def family(text):
    if text.id.startswith("mysql-") and text.code.startswith("2"):
        return "client"
    return text.id.partition("-")[0]


# Older or newer versions say it, or the words are put together from several pieces.
NOT_HERE = {
    ("postgres-unreachable", "could not connect to server"),  # libpq before 14
    ("postgres-conninfo", "invalid sslmode value: "),  # "invalid %s value"
    ("postgres-tls", "SSL error"),
    ("mysql-gone-away", "MySQL server has gone away"),
    ("pgbouncer-no-server", "pgbouncer cannot connect to server"),  # 1.17
    ("mysql-tls", "SSL connection error"),  # MySQL's library
}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=f"{text.id} {text.parts[0]}")
        for text in ERROR_TEXTS
        if family(text) in PROGRAMS
    ],
)
def test_the_words_are_the_programs(text):
    if (text.id, text.parts[0]) in NOT_HERE or text.id in ELSEWHERE:
        pytest.skip("not of the versions that Debian 12 has")
    paths, package = PROGRAMS[family(text)]
    data = binary(paths)
    need(data, paths[0], package)
    for part in text.parts:
        for piece in pieces(part):
            assert piece in data, piece


def pieces(part):
    """The words of a part that are long enough to mean something, without what is filled in."""
    split = re.split(r"\"|'|\bUNION\b|\(13\)", part)
    return [piece.strip(": ").encode() for piece in split if len(piece.strip(": ")) > 3]
