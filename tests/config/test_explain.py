import json
import re

import pytest

from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.config.document import Document, Written
from tablewatch.config.explain import account, as_data
from tablewatch.config.reader import parse
from tablewatch.config.schema import keys
from tablewatch.config.settings import SERVICES, TableSettings
from tablewatch.config.values import Switch

TEXT = """\
backend_path: [/a, /b]
defaults:
  deadline: 4s
tables:
  creds:
    max_retries: 1
    restart:
      burst: 7
  users: {}
"""


def lines_of(text, heading):
    found = re.search(rf"^{heading}.*\n((?:  .*\n?)*)", text, re.MULTILINE)
    assert found, heading
    return found[1].splitlines()


def test_every_setting_has_one_line_with_value_and_origin():
    lines = lines_of(account(parse(TEXT, "/x.yml")), "tables.creds")
    said, group = [], ""
    for line in lines:
        if re.fullmatch(r"  \w+", line):
            group = line.strip() + "."
        elif found := re.fullmatch(r"(  |    )(\w+)  +\S.*  +\S.*", line):
            assert len(found[1]) == (4 if group else 2)
            said.append(group + found[2])
    assert said == [key for key, _ in keys(TableSettings)]
    assert "  deadline           4s          defaults, line 3" in lines
    assert "  max_retries        1           tables.creds, line 6" in lines
    assert "    burst            7           tables.creds, line 8" in lines
    assert "  update_deadline    1m          built-in" in lines


def test_all_tables_and_the_defaults_are_accounted_for():
    headings = [line for line in account(parse(TEXT, "/x.yml")).splitlines() if line[:1].strip()]
    assert headings == [
        "backend_path, the file, line 1",
        "daemon, tablewatchd and where supervisors find it",
        "defaults, for every table not named below",
        "tables.creds",
        "tables.users",
    ]


def test_one_table_can_be_asked_for():
    said = account(parse(TEXT, "/x.yml"), "creds")
    assert "tables.creds" in said
    assert "tables.users" not in said
    assert "every table" not in said


def test_a_table_without_settings_of_its_own_is_said_to_have_none():
    said = account(parse(TEXT, "/x.yml"), "other")
    assert "tables.other, with nothing of its own in the file" in said
    assert "  deadline           4s          defaults, line 3" in said


def test_without_a_file_everything_is_built_in():
    said = account(Document())
    settings = [line for line in lines_of(said, "defaults") if re.search(r"\S  +\S", line)]
    assert len(settings) == len(list(keys(TableSettings)))
    assert all(line.endswith("  built-in") for line in settings)


@pytest.mark.parametrize("name", ["creds", "a" * 2000, "\u200bż" * 40])
def test_no_line_is_longer_than_eighty_columns(name):
    layer = {"services": Written(SERVICES, 100_000), "deadline": Written(90_061.001, 100_000)}
    layer["breaker.probe"] = Written("credentials " + "x" * 255, 100_000)
    said = account(Document("/x.yml", {}, {name: layer}))
    assert "mailaddrmap" in said
    assert max(len(line) for line in said.splitlines()) <= 80


DAEMON = """\
daemon:
  listen: [':10099', '[::1]:10099', 'mail.example.org:10099', '192.168.100.200:12345']
  directory: /run/watch
"""


def test_the_daemon_has_a_group_of_its_own():
    lines = lines_of(account(parse(DAEMON, "/x.yml")), "daemon")
    said = [found[1] for line in lines if (found := re.match(r"  (\w+) +", line))]
    assert said == [key for key, _ in keys(DaemonSettings)]
    places = {re.split("  +", line.strip())[-1] for line in lines}
    assert {"the file, line 2", "the file, line 3", "built-in"} < places
    assert "  directory            /run/watch                      the file, line 3" in lines
    assert "  supervisors          [_smtpd, opensmtpd, smtpd]      built-in" in lines
    assert max(len(line) for line in lines) <= 80


def test_the_daemon_is_shown_with_one_table_as_well():
    assert "daemon, tablewatchd" in account(parse(DAEMON, "/x.yml"), "creds")


def test_a_remark_on_the_directory_of_the_sockets_stands_beside_it():
    said = account(parse(DAEMON, "/x.yml"), "", {"/run/watch": "shut"})
    assert re.search(r"^  directory +/run/watch +the file, line 3  \(shut\)$", said, re.M)
    said = account(parse(DAEMON, "/x.yml"), "", {"/run/watch": "is on fire" * 8})
    assert re.search(r"^  directory +/run/watch +the file, line 3\n      is on fireis", said, re.M)


def test_a_long_remark_stands_below_its_directory_in_one_piece():
    command = "run: chmod go-w /" + "x" * 80
    said = account(parse(TEXT, "/x.yml"), "", {"/a": command, "/b": "not there"})
    assert f"  /a\n      {command}\n  /b  (not there)\n" in said


def test_there_is_colour_only_on_request():
    assert "\033" not in account(parse(TEXT, "/x.yml"))
    coloured = account(parse(TEXT, "/x.yml"), colour=True)
    assert "\033[1mtables.creds\033[0m" in coloured
    assert re.sub("\033\\[[0-9]m", "", coloured) == account(parse(TEXT, "/x.yml"))


def test_the_data_say_the_same_as_the_text():
    data = json.loads(json.dumps(as_data(parse(TEXT, "/x.yml"))))
    burst = {"value": 7, "written": "7", "from": "tables.creds", "line": 8}
    assert data["tables"]["creds"]["restart.burst"] == burst
    assert data["defaults"]["deadline"]["written"] == "4s"
    assert data["backend_path"]["value"] == ["/a", "/b"]
    timeout = {"value": 5.0, "written": "5s", "from": "built-in", "line": 0}
    assert data["daemon.timeout"] == timeout
    assert set(data["tables"]) == {"creds", "users"}
    assert set(data["defaults"]) == {key for key, _ in keys(TableSettings)}
    assert list(as_data(parse(TEXT, "/x.yml"), "other")["tables"]) == ["other"]


def test_switches_are_shown_as_words():
    switches = [key for key, kind in keys(TableSettings) if isinstance(kind, Switch)]
    assert "log.syslog" in switches
    assert re.search(r"syslog +yes +built-in", account(Document()))
