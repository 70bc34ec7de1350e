from tests.cli.fake_daemon import tables_reply

from tablewatch.cli.main import main

PROBLEMS = '/etc/tablewatch.yml:3: deadlin: no such key; did you mean "deadline"?\n:9: mode: x'


def test_every_table_is_meant_if_none_is_named(daemon):
    daemon.answers["reload"] = tables_reply(creds=(True, "configuration read anew"))
    assert main(["reload", "--socket", daemon.path]) == 0
    assert main(["reload", "creds", "--socket", daemon.path]) == 0
    assert [each["table"] for each in daemon.questions] == ["", "creds"]


def test_the_problems_of_the_file_are_printed_once_for_all_tables_and_1(daemon, capsys):
    daemon.answers["reload"] = tables_reply(users=(False, PROBLEMS), creds=(False, PROBLEMS))
    assert main(["reload", "--socket", daemon.path]) == 1
    assert capsys.readouterr() == ("", f"tablewatch: creds, users: {PROBLEMS}\n")
