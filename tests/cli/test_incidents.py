"""``tablewatch incidents``, asked of a daemon that says what the test wants it to say."""

import json
import os
import stat

import pytest
from tests.cli.fake_daemon import refusal
from tests.support import incidents
from tests.support.documents import Document

from tablewatch.cli.main import main
from tablewatch.control.incident import Kept
from tablewatch.control.incident_summary import Summary
from tablewatch.control.records import from_plain, to_plain


@pytest.fixture
def run(daemon, capfd):
    """Run `tablewatch incidents`; return exit status, stdout and stderr."""

    def run(*arguments):
        code = main(["incidents", *arguments, "--socket", daemon.path])
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def known(daemon):
    """The daemon has two of one table, and one of another."""
    store = incidents.store(
        incidents.told(2), incidents.over(1), incidents.over(1, id="q2x9-1", table="users")
    )

    def answer(question):
        name = question["arguments"].get("id")
        if name is None:
            data = {"incidents": to_plain(store.briefs(question["table"]))}
        elif store.get(name) is None:
            return refusal(f"no incident {name} is kept")
        else:
            data = {"incident": to_plain(store.get(name))}
        return {"ok": True, "text": "", "data": data}

    daemon.answers["incidents"] = answer
    return store


@pytest.mark.usefixtures("known")
def test_they_are_listed_the_newest_first(run):
    code, out, err = run("list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["ID", "k7f3-2", "k7f3-1", "q2x9-1"]


@pytest.mark.usefixtures("known")
def test_without_an_action_they_are_listed(daemon, capfd, monkeypatch, tmp_path):
    conf = tmp_path / "tablewatch.yml"
    conf.write_text(f"daemon: {{directory: {tmp_path}}}\n")
    conf.chmod(0o644)
    monkeypatch.setenv("TABLEWATCH_CONFIG", str(conf))
    assert main(["incidents"]) == 0
    assert "k7f3-2" in capfd.readouterr().out


@pytest.mark.usefixtures("known")
def test_those_of_one_table_are_listed(run):
    assert "k7f3" not in run("list", "users")[1]
    assert run("list", "virtual")[:2] == (0, "no incident is kept\n")


def test_a_list_is_json_that_reads_back(run, known):
    code, out, _ = run("list", "--json")
    plain = json.loads(out)
    assert (code, plain["ok"], plain["text"]) == (0, True, "")
    assert [from_plain(Summary, each) for each in plain["incidents"]] == known.briefs()


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("wanted", ["k7f3-2", "last"])
def test_one_is_shown_in_full(run, wanted):
    code, out, err = run("show", wanted)
    assert (code, err) == (0, "")
    assert out.startswith("incident k7f3-2 of table creds: open for 1m35s")
    assert f"\n  {incidents.ALTER}\n" in out


@pytest.mark.usefixtures("known")
def test_the_beginning_of_an_id_is_enough(run):
    assert run("show", "q")[1].startswith("incident q2x9-1 of table users")
    code, out, err = run("show", "k7")
    assert (code, out) == (1, "")
    assert err == "tablewatch: k7 may be k7f3-2, k7f3-1; write more of it\n"


def test_one_is_json_that_reads_back(run, known):
    code, out, _ = run("show", "k7f3-1", "--json")
    plain = json.loads(out)
    assert (code, plain["ok"]) == (0, True)
    assert from_plain(Kept, plain["incident"]) == known.get("k7f3-1")


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("action", ["show", "export"])
def test_one_that_is_not_there_is_1(run, action):
    code, out, err = run(action, "zz")
    assert (code, out) == (1, "")
    assert err == (
        "tablewatch: no incident zz; see: tablewatch incidents list. The newest is k7f3-2\n"
    )
    code, out, err = run(action, "zz", "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["ok"] is False


def test_where_none_is_kept_there_is_none_to_show(run, daemon):
    daemon.answers["incidents"] = {"ok": True, "text": "", "data": {"incidents": []}}
    code, _, err = run("show", "last")
    assert (code, err) == (1, "tablewatch: no incident is kept; so far nothing went wrong\n")


def test_one_that_is_forgotten_meanwhile_is_1(run, daemon, known):
    whole = daemon.answers["incidents"]

    def answer(question):
        said = whole(question)
        known.keep(0)
        return said

    daemon.answers["incidents"] = answer
    assert run("show", "last") == (1, "", "tablewatch: no incident k7f3-2 is kept\n")


@pytest.mark.parametrize("arguments", [["list"], ["show", "last"], ["export", "last"]])
def test_whoever_may_not_see_them_is_told(run, daemon, arguments):
    daemon.answers["incidents"] = refusal("incidents is for root")
    assert run(*arguments) == (1, "", "tablewatch: incidents is for root\n")


@pytest.mark.parametrize("arguments", [["list"], ["show", "last"], ["export", "last"]])
def test_without_a_daemon_it_is_3(run, daemon, arguments):
    daemon.stop()
    code, out, err = run(*arguments)
    assert (code, out) == (3, "")
    assert "is tablewatchd running?" in err
    code, out, _ = run(*arguments, "--json")
    assert code == 3
    assert json.loads(out)["ok"] is False


@pytest.mark.parametrize(
    "data", [{}, {"incidents": {}}, {"incidents": [{"id": "a"}]}, {"incidents": [7]}]
)
def test_nonsense_is_3(run, daemon, data):
    daemon.answers["incidents"] = {"ok": True, "text": "", "data": data}
    code, out, err = run("list")
    assert (code, out) == (3, "")
    assert err.startswith("tablewatch: ")
    assert "Traceback" not in err


# --- export ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("options", [[], ["--html"]])
def test_one_is_exported_as_a_page(run, options):
    code, out, err = run("export", "last", *options)
    assert (code, err) == (0, "")
    assert out.startswith("<!doctype html>\n")
    document = Document(out)
    assert incidents.ALTER in document.text
    assert [each["href"] for each in document.all("a")] == [incidents.REFERENCE]


def test_one_is_exported_as_json(run, known):
    code, out, _ = run("export", "k7f3-1", "--json")
    assert code == 0
    assert from_plain(Kept, json.loads(out)) == known.get("k7f3-1")


@pytest.mark.usefixtures("known")
def test_a_file_is_for_nobody_else_and_one_that_was_there_stays_as_it_is(run, tmp_path):
    file = tmp_path / "incident.html"
    before = os.umask(0)
    try:
        assert run("export", "last", "-o", str(file)) == (0, "", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    page = file.read_text()
    assert page.endswith("</html>\n")
    file.write_text("x" * 1_000_000)
    file.chmod(0o644)
    assert run("export", "last", "--output", str(file))[0] == 0
    assert file.read_text() == page
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@pytest.mark.usefixtures("known")
def test_a_file_that_can_not_be_written_is_1(run, tmp_path):
    file = tmp_path / "missing" / "incident.html"
    code, out, err = run("export", "last", "-o", str(file))
    assert (code, out) == (1, "")
    assert err == f"tablewatch: {file}: No such file or directory\n"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    "arguments", [["export", "last", "--html", "--json"], ["show"], ["export"], ["shw", "last"]]
)
def test_what_is_wrong_is_64(daemon, capfd, arguments):
    with pytest.raises(SystemExit) as raised:
        main(["incidents", *arguments])
    assert raised.value.code == 64
    assert daemon.questions == []
    assert "usage: tablewatch incidents" in capfd.readouterr().err
