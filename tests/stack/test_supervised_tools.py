"""The administrator's commands, where an administrator runs them."""

from __future__ import annotations

import pytest

from .conftest import StartSmtpd
from .install import PREFIX, tablewatch
from .load import login, recipient
from .mariadb import MariaDB
from .schema import ALICE, DOMAIN, POISON
from .smtpd import LIBEXEC, Smtpd

PATIENCE = 20.0
BACKENDS = pytest.mark.parametrize("backend", ["mysql", "watch-mysql"])
LINK = f"{LIBEXEC}/table-watch-mysql"
CONF = ("--smtpd-conf", "/srv/smtpd.conf")


@BACKENDS
def test_query_prints_what_smtpd_would_get(shared_watched: Smtpd, backend: str) -> None:
    conf = f"{backend}:/srv/creds.conf"
    found = tablewatch(shared_watched.world, "query", conf, "credentials", ALICE)
    assert found.stdout.startswith(f"{ALICE}:$6$")
    assert "connected" in found.stderr  # what the backend logged
    missing = tablewatch(
        shared_watched.world, "query", conf, "credentials", "nobody@example.org", check=False
    )
    assert (missing.returncode, missing.stdout) == (1, "")


@BACKENDS
def test_query_says_why_there_is_no_answer(
    shared_watched: Smtpd, mariadb: MariaDB, backend: str
) -> None:
    before = mariadb.settled_connections()
    conf = f"{backend}:/srv/creds.conf"
    done = tablewatch(shared_watched.world, "query", conf, "credentials", POISON, check=False)
    assert (done.returncode, done.stdout) == (75, "")
    assert "Illegal mix of collations" in done.stderr
    if backend == "mysql":  # a supervisor says that, too, but nobody waits for its last lines
        assert "characters that the column's character set can't hold" in done.stderr
    assert 1 <= mariadb.settled_connections() - before <= 20
    assert not [each for each in shared_watched.table_processes() if each.name == "query"]


@BACKENDS
def test_query_asks_any_table(shared_watched: Smtpd, backend: str) -> None:
    domain = (f"{backend}:/srv/domains.conf", "domain", DOMAIN)
    assert tablewatch(shared_watched.world, "query", *domain).stdout.strip() == DOMAIN
    assert tablewatch(shared_watched.world, "query", *domain, "--check").returncode == 0
    senders = (f"{backend}:/srv/sndrs.conf", "mailaddrmap", ALICE)
    assert ALICE in tablewatch(shared_watched.world, "query", *senders).stdout


def test_check_config_explains_what_is_in_force(start_watched: StartSmtpd) -> None:
    server = start_watched(settings="tables: {creds: {deadline: 2s}, domians: {}}\n")
    done = tablewatch(server.world, "check-config", *CONF)
    assert "deadline" in done.stdout
    assert 'did you mean "domains"?' in done.stdout


def test_there_and_back_as_the_readme_says(start_watched: StartSmtpd) -> None:
    """install, change one word, restart; put the word back, restart, uninstall."""
    server = start_watched(backend="mysql", prepare=None)
    world = server.world
    assert not server.supervisors("creds")
    installed = tablewatch(world, "install", "mysql", *CONF)
    assert f"{LINK} -> {PREFIX}/bin/table-watch" in installed.stdout
    again = tablewatch(world, "install", "mysql", *CONF)
    assert "already there" in again.stdout
    edit(server, installed.stdout)
    world.run(["smtpd", "-n", "-f", "/srv/smtpd.conf"])
    restart(server)
    for table in ("creds", "domains", "sndrs"):
        assert server.supervisors(table)
    works(server)

    refused = tablewatch(world, "uninstall", "mysql", *CONF, check=False)
    assert refused.returncode != 0
    edit(server, refused.stdout + refused.stderr)
    world.run(["smtpd", "-n", "-f", "/srv/smtpd.conf"])
    restart(server)
    for table in ("creds", "domains", "sndrs"):
        assert not server.supervisors(table)
    tablewatch(world, "uninstall", "mysql", *CONF)
    assert world.run(["test", "-e", LINK], check=False).returncode != 0
    works(server)


def test_install_overwrites_nothing_of_others(start_watched: StartSmtpd) -> None:
    server = start_watched(backend="mysql", prepare=None, files={LINK: "somebody's\n"})
    done = tablewatch(server.world, "install", "mysql", *CONF, check=False)
    assert done.returncode != 0
    assert server.world.run(["cat", LINK]).stdout == "somebody's\n"


def edit(server: Smtpd, told: str) -> None:
    """Change smtpd.conf as a command said, in the manner of diff(1)."""
    conf = server.directory / "smtpd.conf"
    text = conf.read_text(encoding="utf-8")
    lines = [line.strip() for line in told.splitlines()]
    removed = [line[1:] for line in lines if line.startswith("-table")]
    added = [line[1:] for line in lines if line.startswith("+table")]
    assert len(removed) == len(added) == 3
    for old, new in zip(removed, added, strict=True):
        assert old + "\n" in text
        text = text.replace(old + "\n", new + "\n")
    conf.write_text(text, encoding="utf-8")


def restart(server: Smtpd) -> None:
    server.stop()
    server.start()


def works(server: Smtpd) -> None:
    assert login(server)(PATIENCE).code == 235
    assert login(server, ALICE, "wrong")(PATIENCE).code == 535
    assert recipient(server)(PATIENCE).code == 250
