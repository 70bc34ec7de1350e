"""The incident, kept and told: the cause, the kind of key and the repair, without a secret."""

from __future__ import annotations

import json

from .conftest import StartSmtpd
from .load import login
from .mariadb import PASSWORD
from .schema import ALICE, LOGIN_PASSWORD, POISON
from .watching import KEPT, Tablewatchd, free_address, settings
from .world import wait_until

PATIENCE = 30.0


def test_an_incident_is_kept_with_its_cause_and_repair(start_watched: StartSmtpd) -> None:
    address = free_address()
    server = start_watched(settings=settings(address))
    with Tablewatchd(server, address) as daemon:
        daemon.await_tables("creds")
        assert login(server, ALICE)(PATIENCE).code == 235
        assert login(server, POISON)(PATIENCE).code == 421
        wait_until(
            lambda: "creds" in daemon.tool("tablewatch", "incidents", "list").stdout,
            "the incident to be told",
            seconds=60,
        )
        shown = daemon.tool("tablewatch", "incidents", "show", "last").stdout
        flat = " ".join(shown.split())
        assert "character set can't hold" in flat  # the cause
        assert "Illegal mix of collations" in flat  # the database's own words
        assert "U+0142" in flat  # the kind of key
        assert "CONVERT TO CHARACTER SET utf8mb4" in flat  # the repair
        exported = daemon.tool("tablewatch", "incidents", "export", "last", "--json").stdout
        assert json.loads(exported)["report"]["signature"] == "mysql-illegal-mix-of-collations"
        page = daemon.tool("tablewatch", "incidents", "export", "last", "--html").stdout
        assert page.startswith("<!doctype html>")

        def on_disk() -> str:
            return server.world.run(["sh", "-c", f"cat {KEPT}/*"], check=False).stdout

        wait_until(lambda: "mysql-illegal" in on_disk(), "it to be on the disk", seconds=60)
        modes = server.world.run(["sh", "-c", f"stat -c %a:%U {KEPT}/*"]).stdout.split()
        assert set(modes) == {"640:_tablewatch"}

        daemon.end_and_start()
        again = daemon.tool("tablewatch", "incidents", "show", "last").stdout
        assert "Illegal mix of collations" in " ".join(again.split())
        said = (
            shown
            + exported
            + page
            + on_disk()
            + again
            + daemon.log()
            + "".join(line.text for line in server.syslog.lines())
        )
        said += daemon.get("/") + daemon.get("/metrics") + daemon.get("/api/v1/status")
    for secret in (POISON, POISON.partition("@")[0], LOGIN_PASSWORD, PASSWORD, "$6$"):
        assert secret not in said
