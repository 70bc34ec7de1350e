import io
import json
import sys

import pytest
from tests.cli.fake_daemon import entry, refusal, status_reply, tables_reply
from tests.support import statuses

from tablewatch.cli.main import main
from tablewatch.control.entries import PAGE


@pytest.fixture
def quarantine(daemon, capsys):
    """Run `tablewatch quarantine`; return exit status, stdout and stderr."""

    def quarantine(*arguments):
        code = main(["quarantine", *arguments, "--socket", daemon.path])
        return code, *capsys.readouterr()

    return quarantine


@pytest.fixture
def wrong(daemon, capsys):
    """Run it wrongly; return what it says."""

    def wrong(*arguments):
        with pytest.raises(SystemExit) as raised:
            main(["quarantine", *arguments, "--socket", daemon.path])
        assert raised.value.code == 64
        assert daemon.questions == []
        return capsys.readouterr().err

    return wrong


@pytest.fixture
def stdin(monkeypatch):
    def stdin(data):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return stdin


def paged(**tables):
    """Answer as supervisors do: a page of the entries from the offset on."""

    def answer(question):
        offset = question["arguments"]["offset"]
        wanted = {name: tables[name] for name in tables if question["table"] in ("", name)}
        return tables_reply(
            **{
                name: {
                    "ok": True,
                    "text": "",
                    "entries": entries[offset : offset + PAGE],
                    "total": len(entries),
                }
                for name, entries in wanted.items()
            }
        )

    return answer


def released(number):
    return tables_reply(creds={"ok": True, "text": f"{number} keys released", "released": number})


# --- list -----------------------------------------------------------------------------------------


def test_the_keys_of_every_table_are_listed(quarantine, daemon):
    daemon.answers["quarantine"] = paged(users=[], creds=[entry(1), entry(2)])
    code, out, err = quarantine("list")
    assert (code, err) == (0, "")
    assert out.startswith("creds: 2 refused keys\n")
    assert out.endswith("\n\nusers: no key is refused\n")
    assert "id1  credentials  a***@example.org" in out


def test_more_than_a_page_is_asked_for_until_all_are_there(quarantine, daemon):
    entries = [entry(n) for n in range(2 * PAGE + 50)]
    daemon.answers["quarantine"] = paged(creds=entries, users=[entry(1)])
    code, out, _ = quarantine("list", "--json")
    tables = json.loads(out)["tables"]
    assert code == 0
    assert tables["creds"] == {"ok": True, "text": "", "total": len(entries), "entries": entries}
    assert len(tables["users"]["entries"]) == 1
    asked = [(each["table"], each["arguments"]["offset"]) for each in daemon.questions]
    assert asked == [("", 0), ("creds", PAGE), ("creds", 2 * PAGE)]


def test_keys_that_move_or_leave_meanwhile_are_neither_doubled_nor_waited_for(quarantine, daemon):
    pages = iter([[entry(n) for n in range(PAGE)], [entry(PAGE - 1), entry(PAGE)], []])

    def answer(_):
        page = {"ok": True, "text": "", "entries": next(pages), "total": PAGE + 9}
        return tables_reply(creds=page)

    daemon.answers["quarantine"] = answer
    _, out, _ = quarantine("list", "creds", "--json")
    ids = [each["id"] for each in json.loads(out)["tables"]["creds"]["entries"]]
    assert ids == [f"id{n}" for n in range(PAGE + 1)]


def test_a_supervisor_that_leaves_between_two_pages_is_1(quarantine, daemon):
    first = {"ok": True, "text": "", "entries": [entry(1)], "total": 2}
    answers = iter([tables_reply(creds=first), refusal("its supervisor has left")])
    daemon.answers["quarantine"] = lambda _: next(answers)
    daemon.answers["status"] = status_reply(statuses.everything())
    code, out, err = quarantine("list", "creds")
    assert (code, out) == (1, "")
    assert err == "tablewatch: creds: it left while it was asked\n"


def test_a_table_that_does_not_answer_is_1_and_the_others_are_listed(quarantine, daemon):
    daemon.answers["quarantine"] = tables_reply(
        creds={"ok": True, "text": "", "entries": [entry(1)], "total": 1},
        users=(False, "its supervisor does not answer"),
    )
    code, out, err = quarantine("list")
    assert code == 1
    assert out.startswith("creds: 1 refused key\n")
    assert err == "tablewatch: users: its supervisor does not answer\n"
    assert quarantine("list", "--json")[0] == 1


def test_whoever_may_not_see_them_is_told(quarantine, daemon):
    daemon.answers["quarantine"] = refusal("quarantine is for root")
    code, out, err = quarantine("list")
    assert (code, out, err) == (1, "", "tablewatch: quarantine is for root\n")


def test_an_unknown_table_is_told_with_the_nearest(quarantine, daemon):
    daemon.answers["quarantine"] = refusal("no table crds is watched here")
    daemon.answers["status"] = status_reply(statuses.everything())
    assert quarantine("list", "crds")[2] == "tablewatch: no table crds; did you mean creds?\n"


# --- release --------------------------------------------------------------------------------------


def test_keys_are_released_by_their_ids(quarantine, daemon):
    daemon.answers["release"] = released(1)
    code, out, _ = quarantine("release", "creds", "id1", "id2")
    assert (code, out) == (0, "creds: 2 keys released\n")
    asked = [(each["table"], each["arguments"]) for each in daemon.questions]
    assert asked == [("creds", {"id": "id1"}), ("creds", {"id": "id2"})]


def test_an_id_that_is_not_there_is_1_and_named(quarantine, daemon):
    daemon.answers["release"] = lambda asked: released(int(asked["arguments"]["id"] == "id1"))
    code, _, err = quarantine("release", "creds", "id1", "id7")
    assert code == 1
    assert "creds: 1 key released; not refused: id7" in err


def test_all_may_be_none(quarantine, daemon):
    daemon.answers["release"] = released(0)
    assert quarantine("release", "creds", "--all")[:2] == (0, "creds: 0 keys released\n")
    assert daemon.questions[0]["arguments"] == {"all": True}


def test_kinds_are_released_with_all_keys_and_told_apart(quarantine, daemon):
    freed = {"ok": True, "text": "3 keys and 1 kind released", "released": 3, "kinds": 1}
    daemon.answers["release"] = tables_reply(creds=freed)
    code, out, _ = quarantine("release", "creds", "--all")
    assert (code, out) == (0, "creds: 3 keys and 1 kind released\n")
    _, out, _ = quarantine("release", "creds", "--all", "--json")
    assert json.loads(out)["tables"] == {"creds": freed}


def test_a_key_is_released_by_itself_and_never_printed(quarantine, daemon, stdin):
    daemon.answers["release"] = released(1)
    assert quarantine("release", "creds", "--key", "credentials", "alice")[0] == 0
    stdin(b"bob \xff\nand more\n")
    code, out, err = quarantine("release", "creds", "--key", "userinfo", "-")
    assert (code, out + err) == (0, "creds: 1 key released\n")
    assert [each["arguments"] for each in daemon.questions] == [
        {"service": "credentials", "key": "alice"},
        {"service": "userinfo", "key": "bob \udcff"},
    ]


def test_a_key_that_is_not_refused_is_1_and_not_printed(quarantine, daemon):
    daemon.answers["release"] = released(0)
    code, out, err = quarantine("release", "creds", "--key", "credentials", "alice", "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["tables"]["creds"]["released"] == 0
    assert "alice" not in out


def test_a_release_that_is_refused_is_1(quarantine, daemon):
    daemon.answers["release"] = tables_reply(creds=(False, "its supervisor does not answer"))
    assert quarantine("release", "creds", "id1") == (
        1,
        "",
        "tablewatch: creds: its supervisor does not answer\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [[], ["id1", "--all"], ["--all", "--key", "credentials", "a"], ["i", "--key", "alias", "a"]],
)
def test_which_keys_has_to_be_said_in_one_way(wrong, arguments):
    assert "say which keys" in wrong("release", "creds", *arguments)


# --- add ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "seconds", "term"), [([], 3600.0, "1h"), (["--for", "2d"], 172_800.0, "2d")]
)
def test_a_key_is_refused_for_an_hour_or_as_said(quarantine, daemon, options, seconds, term):
    daemon.answers["add"] = tables_reply(creds={"ok": True, "text": "a*** is refused", "id": "id9"})
    code, out, _ = quarantine("add", "creds", "credentials", "alice", *options)
    assert (code, out) == (0, f"creds: a*** is refused for {term}\n")
    assert daemon.questions[0]["arguments"] == {
        "service": "credentials",
        "key": "alice",
        "seconds": seconds,
    }
    _, out, _ = quarantine("add", "creds", "credentials", "alice", "--json", *options)
    assert json.loads(out)["tables"]["creds"]["id"] == "id9"


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"alice\n", "alice"),
        (b"alice", "alice"),
        (b" a b \nnext\n", " a b "),
        (b"\xc5\x82\xff\n", "\u0142\udcff"),
        (b"x" * 16_384 + b"\n", "x" * 16_384),
    ],
)
def test_a_key_can_be_one_line_of_stdin(quarantine, daemon, stdin, data, key):
    daemon.answers["add"] = tables_reply(creds=(True, "a*** is refused"))
    stdin(data)
    assert quarantine("add", "creds", "credentials", "-")[0] == 0
    assert daemon.questions[0]["arguments"]["key"] == key


def test_bytes_in_an_argument_that_are_no_utf8_arrive(quarantine, daemon):
    daemon.answers["add"] = tables_reply(creds=(True, "a*** is refused"))
    assert quarantine("add", "creds", "credentials", "a\udcff")[0] == 0
    assert daemon.questions[0]["arguments"]["key"] == "a\udcff"


@pytest.mark.parametrize(
    ("data", "said"), [(b"", "empty"), (b"\n", "empty"), (b"x" * 16_385, "16384")]
)
def test_a_key_that_smtpd_can_not_ask_for_is_64(wrong, stdin, data, said):
    stdin(data)
    assert said in wrong("add", "creds", "credentials", "-")


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("auth", "hold passwords and are never kept"),
        ("credential", "did you mean credentials?"),
        ("xyz", "there is alias, domain"),
    ],
)
def test_a_service_that_can_not_be_is_told_why(wrong, service, said):
    assert said in wrong("add", "creds", service, "alice")
    assert said in wrong("release", "creds", "--key", service, "alice")


def test_an_action_has_to_be_said(wrong):
    assert "ACTION" in wrong()
    assert "invalid choice" in wrong("lst")
