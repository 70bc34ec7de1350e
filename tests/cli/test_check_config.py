import io
import json
import os
import re

import pytest

from tablewatch.cli import access, check_config, host
from tablewatch.cli.main import main
from tablewatch.config.settings import BACKEND_PATHS

GOOD = "defaults:\n  deadline: 4s\ntables:\n  creds:\n    max_retries: 1\n"
BAD = "defaults:\n  dedline: 4s\n  deadline: 4\n"
CONF = "table creds watch-mysql:/etc/mail/mysql.conf\ntable users mysql:/etc/mail/mysql.conf\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def nothing_of_this_host(monkeypatch, tmp_path):
    monkeypatch.delenv("TABLEWATCH_CONFIG", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(check_config, "DEFAULT_CONFIG", str(tmp_path / "none.yml"))
    monkeypatch.setattr(host, "smtpd_conf", lambda: None)
    monkeypatch.setattr(access, "account", lambda names: None)


@pytest.fixture
def write(tmp_path):
    def write(text, name="tablewatch.yml"):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o644)
        return str(path)

    return write


def test_a_good_file_is_explained(write, capsys):
    path = write(GOOD)
    assert main(["check-config", path]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{path} can be used as it is.\n")
    assert re.search(r"^  deadline +4s +defaults, line 2$", out, re.M)
    assert re.search(r"^  max_retries +1 +tables\.creds, line 5$", out, re.M)
    assert err == ""


def test_it_fits_eighty_columns_without_colour(write, capsys):
    main(["check-config", write(GOOD)])
    lines = capsys.readouterr().out.splitlines()[1:]
    assert max(map(len, lines)) <= 80
    assert not any("\033" in line for line in lines)


def test_a_terminal_gets_colour_unless_no_color_is_set(write, monkeypatch):
    path = write(GOOD)
    for setting, coloured in ((None, True), ("1", False), ("", True)):
        if setting is not None:
            monkeypatch.setenv("NO_COLOR", setting)
        monkeypatch.setattr("sys.stdout", terminal := Terminal())
        main(["check-config", path])
        assert ("\033[1m" in terminal.getvalue()) is coloured


def test_a_bad_file_is_refused_with_every_problem_on_stderr(write, capsys):
    path = write(BAD)
    assert main(["check-config", path]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == f'{path}:2: defaults.dedline: unknown key; did you mean "deadline"?'
    assert lines[1] == f"{path}:3: defaults.deadline: 4 has no unit; write 4s, or 4ms"
    assert lines[2].startswith("2 problems. Until they are repaired")
    assert "tablewatchd does not start" in err
    assert max(map(len, lines[2:])) <= 80


def test_a_missing_default_file_means_built_in_defaults(tmp_path, capsys):
    assert main(["check-config"]) == 0
    out = capsys.readouterr().out
    none = tmp_path / "none.yml"
    assert out.startswith(f"There is no {none}: everything runs on the built-in defaults.\n")
    assert re.search(r"^  deadline +5s +built-in$", out, re.M)


def test_a_missing_file_that_was_named_is_an_error(tmp_path, monkeypatch, capsys):
    path = str(tmp_path / "named.yml")
    assert main(["check-config", path]) == 1
    monkeypatch.setenv("TABLEWATCH_CONFIG", path)
    assert main(["check-config"]) == 1
    assert capsys.readouterr().err.count(f"{path}: no such file") == 2


def test_a_file_on_the_command_line_goes_before_the_environment(write, monkeypatch, capsys):
    monkeypatch.setenv("TABLEWATCH_CONFIG", write(BAD, "bad.yml"))
    assert main(["check-config"]) == 1
    assert main(["check-config", write(GOOD)]) == 0


def test_one_table_only(write, capsys):
    assert main(["check-config", "--table", "creds", write(GOOD)]) == 0
    out = capsys.readouterr().out
    assert "tables.creds" in out
    assert "every table" not in out


def test_json_says_what_is_in_effect(write, capsys):
    assert main(["check-config", "--json", write(GOOD)]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["ok"], data["exists"]) == (True, True)
    assert isinstance(data["notes"], list)
    entry = {"value": 4.0, "written": "4s", "from": "defaults", "line": 2}
    assert data["tables"]["creds"]["deadline"] == entry


def test_json_lists_problems_too(write, capsys):
    assert main(["check-config", "--json", write(BAD)]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["ok"] is False
    assert [problem["line"] for problem in data["problems"]] == [2, 3]
    assert data["problems"][0]["key"] == "defaults.dedline"


def test_directories_are_remarked_upon(write, tmp_path, capsys):
    place = tmp_path / "libexec"
    place.mkdir(mode=0o755)
    main(["check-config", write(f"backend_path: [{place}, /nonexistent]\n")])
    out = capsys.readouterr().out
    assert f"\n  {place}\n" in out
    assert "\n  /nonexistent  (not there)\n" in out
    assert "none of the directories" not in out


def test_the_daemon_is_explained(write, capsys):
    path = write("daemon:\n  listen: [':10099', '[::1]:10099']\n")
    assert main(["check-config", path]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^  listen +\[':10099', '\[::1\]:10099'\] +the file, line 2$", out, re.M)
    assert re.search(r"^  forget_after +1h +built-in$", out, re.M)


def test_a_directory_of_sockets_that_others_can_write_is_remarked_upon(write, tmp_path, capsys):
    place = tmp_path / "run"
    place.mkdir()
    place.chmod(0o777)
    assert main(["check-config", write(f"daemon: {{directory: {place}}}\n")]) == 0
    out = capsys.readouterr().out
    assert "another program could put its own sockets there" in out
    assert f"run: chmod go-w {place}\n" in out


@pytest.mark.parametrize(
    ("daemon", "public"),
    [
        ("{}", ""),
        ("{listen: ['[::1]:10099', 'localhost:10099', '127.0.0.2:80']}", ""),
        ("{listen: []}", ""),
        ("{listen: ['127.0.0.1:10099', ':10099', 'mx.example.org:1']}", ":10099, mx.example.org:1"),
        ("{listen: ['192.0.2.25:10099']}", "192.0.2.25:10099"),
        ("{listen: ['192.0.2.25:10099'], web_config: /etc/web.yml}", ""),
    ],
)
def test_a_page_for_everybody_is_noted(write, capsys, daemon, public):
    main(["check-config", write(f"daemon: {daemon}\n")])
    out = capsys.readouterr().out
    assert ("daemon.listen: whoever reaches" in out) == bool(public)
    assert f"whoever reaches {public} sees the page" in out or not public


def test_it_is_noted_when_no_directory_is_there(write, capsys):
    main(["check-config", write("backend_path: /nonexistent\n")])
    assert "Note: none of the directories of backend_path is there" in capsys.readouterr().out


def test_a_built_in_directory_that_others_can_write_is_remarked_upon(tmp_path, monkeypatch, capsys):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    real = check_config.loader.directory_trouble
    shared = {BACKEND_PATHS[0]: str(tmp_path / "shared")}
    monkeypatch.setattr(
        check_config.loader, "directory_trouble", lambda name: real(shared.get(name, name))
    )
    assert main(["check-config"]) == 0
    assert f"run: chmod go-w {tmp_path / 'shared'}\n" in capsys.readouterr().out


def test_a_table_that_smtpd_conf_does_not_have_is_noted(write, capsys):
    conf = write(CONF, "smtpd.conf")
    main(["check-config", "--smtpd-conf", conf, write("tables: {cerds: {}}\n")])
    out = capsys.readouterr().out
    assert f'Note: no table cerds with a backend is in {conf}; did you mean "creds"?' in out


def test_a_table_that_is_not_supervised_is_noted_with_the_line_to_write(write, capsys):
    conf = write(CONF, "smtpd.conf")
    main(["check-config", "--smtpd-conf", conf, write("tables: {creds: {}, users: {}}\n")])
    out = capsys.readouterr().out
    assert f"Note: table users is not supervised ({conf}:2);" in out
    assert "write there: table users watch-mysql:/etc/mail/mysql.conf" in out
    assert "table creds" not in out


def test_a_smtpd_conf_that_cannot_be_read_is_noted(write, tmp_path, capsys):
    missing = str(tmp_path / "missing.conf")
    assert main(["check-config", "--smtpd-conf", missing, write(GOOD)]) == 0
    assert f"can't compare with {missing}: No such file" in capsys.readouterr().out


def test_a_file_smtpds_user_cannot_read_is_noted(write, monkeypatch, capsys):
    path = write(GOOD)
    os.chmod(path, 0o600)
    stranger = access.Account("_smtpd", 54_321, frozenset({54_321}))
    monkeypatch.setattr(access, "account", lambda names: stranger)
    assert main(["check-config", path]) == 0
    out = capsys.readouterr().out
    assert "Note: smtpd runs its tables as _smtpd, which can't read this file:" in out
    assert f"{path} can't be read by _smtpd (mode 0600)" in out


def test_a_file_smtpds_user_would_not_trust_is_noted(write, monkeypatch, capsys):
    path = write(GOOD)
    monkeypatch.setattr(
        check_config.loader, "file_trouble", lambda path, reader: f"belongs to alice ({reader})"
    )
    stranger = access.Account("_smtpd", 54_321, frozenset({54_321}))
    monkeypatch.setattr(access, "account", lambda names: stranger)
    main(["check-config", path])
    out = capsys.readouterr().out
    assert "which won't trust this file:\n  belongs to alice (54321)" in out


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ("mode: observe", "only observed; nothing is done about anything (mode)"),
        (
            "quarantine: {not_found: [domain, alias]}",
            "a refused key counts as not in the table (domain, alias);",
        ),
        ("rates: {action: tempfail}", "rates.action does nothing without a limit"),
    ],
)
def test_what_is_easily_overlooked_is_noted_where_it_is_written(write, capsys, settings, note):
    path = write(f"tables: {{creds: {{{settings}}}, users: {{}}}}\n")
    main(["check-config", path])
    assert f"Note: table creds: {note}" in (out := capsys.readouterr().out)
    assert out.count("Note: table") == 1
    assert max(map(len, out.partition("Note: table")[2].splitlines())) <= 80
    main(["check-config", "--table", "users", path])
    assert note not in capsys.readouterr().out


def test_what_all_tables_share_is_noted_once(write, capsys):
    path = write("defaults: {mode: observe}\ntables: {creds: {}, users: {}}\n")
    main(["check-config", path])
    assert capsys.readouterr().out.count("only observed") == 1
    main(["check-config", "--table", "creds", path])
    assert "Note: table creds: only observed" in capsys.readouterr().out
