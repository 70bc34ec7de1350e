"""``tablewatch query`` as an administrator runs it, with backends that misbehave on request."""

import json
import os
import signal
import tempfile

import pytest
from tests.cli.conftest import wait_until

BOTH = pytest.mark.parametrize("protocol", ["text", "imsg"])
DEBIAN = "/usr/libexec/opensmtpd"


def ask(libexec, backend, *arguments, **options):
    return libexec.tablewatch("query", f"{backend}:{libexec.conf}", *arguments, **options)


def lines(result):
    """stderr, without the remark that smtpd's user can't come into this test's directory."""
    return [line for line in result.stderr.splitlines() if ": note: " not in line]


@BOTH
def test_the_value_alone_is_printed(libexec, protocol):
    result = ask(libexec, protocol, "credentials", "alice")
    assert (result.returncode, result.stdout) == (0, b"$6$hash\n")


@BOTH
def test_what_the_backend_logs_goes_to_stderr_under_its_name(libexec, protocol):
    result = ask(libexec, protocol, "credentials", "alice")
    assert any(
        line.startswith(f"table-{protocol}: fake[") and line.endswith("debug: started")
        for line in lines(result)
    )


@BOTH
def test_a_key_that_is_not_there_gives_1_and_no_output(libexec, protocol):
    result = ask(libexec, protocol, "credentials", "nobody")
    assert (result.returncode, result.stdout) == (1, b"")
    assert "tablewatch: nobody: not-found" in lines(result)


@BOTH
def test_an_error_answer_gives_75(libexec, protocol):
    result = ask(libexec, protocol, "credentials", "error")
    assert (result.returncode, result.stdout) == (75, b"")
    assert "backend answered error" in lines(result)[-1]


def test_the_message_of_an_error_is_shown(libexec):
    result = ask(libexec, "text", "credentials", "error")
    assert lines(result)[-1] == "tablewatch: error: backend answered error: out of order"


@BOTH
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["credentials", "alice", "--check"], b"found\n"),
        (["source", "--fetch"], b"192.0.2.1\n"),
        (["--update"], b"ok\n"),
        (["credentials", "pipe|"], b"a|b\n"),
        (["credentials", "--", "-dash"], b"yes\n"),
        (["credentials", b"bytes \xff"], b"value \xfe\n"),
        (["credentials", "table"], b"query\n"),
        (["credentials", "table", "--table", "users"], b"users\n"),
    ],
)
def test_every_operation_and_any_byte(libexec, protocol, arguments, said):
    result = ask(libexec, protocol, *arguments)
    assert (result.returncode, result.stdout) == (0, said)


@BOTH
def test_the_protocol_can_be_said(libexec, protocol):
    result = ask(libexec, protocol, "credentials", "alice", "--protocol", protocol)
    assert result.stdout == b"$6$hash\n"
    assert len(libexec.pids()) == 1


def test_what_a_backend_says_to_the_wrong_protocol_is_not_shown(libexec):
    result = ask(libexec, "imsg", "credentials", "alice")
    assert len(libexec.pids()) == 2
    assert "imsg_get" not in result.stderr


def test_the_wrong_protocol_is_an_error_that_shows_what_the_backend_said(libexec):
    result = ask(libexec, "imsg", "credentials", "alice", "--protocol", "text")
    assert result.returncode == 75
    assert "imsg_get: Result too large" in result.stderr


@BOTH
def test_a_loop_is_ended_and_explained(libexec, protocol):
    result = ask(libexec, protocol, "credentials", "loop", "--timeout", "1h")
    assert result.returncode == 75
    said = lines(result)[-1]
    assert said.startswith("tablewatch: loop: ended after ")
    assert "retries: " in said
    assert len(said.partition("retries: ")[2]) > 20  # the cause, in words
    assert any("Illegal mix of collations" in line for line in lines(result))
    libexec.wait_until_all_are_gone()


@BOTH
def test_a_timeout_ends_the_backend_and_its_children(libexec, protocol):
    options = ("--timeout", "1s", "--protocol", protocol)
    result = ask(libexec, protocol, "credentials", "hang", *options)
    assert result.returncode == 75
    assert lines(result)[-1] == "tablewatch: hang: no answer within 1 s"
    assert len(libexec.pids()) == 2
    libexec.wait_until_all_are_gone()


@BOTH
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_backend_too(libexec, protocol, number):
    arguments = ("credentials", "hang", "--timeout", "1h", "--protocol", protocol)
    process = libexec.start("query", f"{protocol}:{libexec.conf}", *arguments)
    wait_until(lambda: len(libexec.pids()) == 2)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 128 + number
    assert b"Traceback" not in err
    libexec.wait_until_all_are_gone()


@BOTH
@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("die", "backend exited with status 3"),
        ("empty", "empty value"),
        ("garbage", "backend sent "),
    ],
)
def test_what_smtpd_would_not_survive_is_named(libexec, protocol, key, why):
    result = ask(libexec, protocol, "credentials", key)
    assert (result.returncode, result.stdout) == (75, b"")
    assert why in lines(result)[-1]


@BOTH
def test_a_second_answer_is_noticed_and_never_taken_for_the_next(libexec, protocol):
    arguments = ("credentials", "-", "--protocol", protocol)
    result = ask(libexec, protocol, *arguments, stdin=b"twice\nalice\n")
    assert result.returncode == 75
    assert "tablewatch: twice: backend sent an answer nobody asked for" in result.stderr
    assert result.stdout == b"alice\t$6$hash\n"


def test_a_service_the_backend_did_not_register_is_not_asked(libexec):
    result = ask(libexec, "text", "domain", "example.org")
    assert result.returncode == 75
    assert "registers only credentials, source" in lines(result)[-1]


@BOTH
def test_keys_come_from_stdin_and_one_backend_answers_all(libexec, protocol):
    stdin = b"alice\nnobody\npipe|\nbytes \xff"
    arguments = ("credentials", "-", "--protocol", protocol)
    result = ask(libexec, protocol, *arguments, stdin=stdin)
    assert result.stdout == b"alice\t$6$hash\npipe|\ta|b\nbytes \xff\tvalue \xfe\n"
    assert result.returncode == 0
    assert len(libexec.pids()) == 1


@BOTH
def test_a_key_that_kills_the_backend_costs_the_next_one_nothing(libexec, protocol):
    arguments = ("credentials", "-", "--protocol", protocol)
    result = ask(libexec, protocol, *arguments, stdin=b"die\nalice\n")
    assert result.stdout == b"alice\t$6$hash\n"
    assert result.returncode == 75
    assert len(libexec.pids()) == 2


def test_no_key_found_of_many_gives_1(libexec):
    assert ask(libexec, "text", "credentials", "-", stdin=b"a\nb\n").returncode == 1


@BOTH
def test_json_tells_everything(libexec, protocol):
    result = ask(libexec, protocol, "credentials", "-", "--json", stdin=b"alice\nnobody\ndie\n")
    found, missing, failed = map(json.loads, result.stdout.splitlines())
    assert found.pop("seconds") > 0
    log = found.pop("log")
    assert found == {
        "operation": "lookup",
        "service": "credentials",
        "key": "alice",
        "result": "found",
        "value": "$6$hash",
        "message": None,
        "protocol": protocol,
        "log_left_out": 0,
    }
    assert log[0].endswith("debug: started")
    assert (missing["result"], missing["value"]) == ("not-found", None)
    assert failed["result"] == "failed"
    assert failed["message"].startswith("backend exited with status 3")
    assert failed["log"][-1].endswith("fatal: as asked")
    assert lines(result) == []


def test_a_key_with_a_newline_is_refused_in_the_text_protocol(libexec):
    result = ask(libexec, "text", "credentials", "alice\nroot")
    assert (result.returncode, result.stdout) == (64, b"")
    assert "line end" in lines(result)[-1]


def test_a_key_with_a_newline_is_asked_in_the_imsg_protocol(libexec):
    result = ask(libexec, "imsg", "credentials", "alice\nroot")
    assert result.returncode == 1


def test_a_log_line_can_do_nothing_to_the_terminal(libexec):
    result = ask(libexec, "text", "credentials", "log")
    assert result.stdout == b"logged\n"
    assert "\x1b" not in result.stderr
    assert "warn: red \\x1b[31malert" in result.stderr


def test_a_flood_of_lines_is_cut_and_counted(libexec):
    result = ask(libexec, "text", "credentials", "flood")
    assert result.stdout == b"flooded\n"
    assert "table-text: ... and 401 more lines" in lines(result)  # 500, and "started"
    assert "debug: line 98" in result.stderr
    assert "debug: line 99" not in result.stderr


def test_a_backend_that_does_not_start_says_so_once(libexec):
    result = ask(libexec, "down", "credentials", "alice")
    assert result.returncode == 75
    assert result.stderr.count("could not connect") == 1
    assert "backend exited with status 1" in lines(result)[-1]


def test_a_backend_may_be_named_by_its_path(libexec):
    program = str(libexec.backend("elsewhere"))
    result = ask(libexec, program, "credentials", "alice")
    assert result.stdout == b"$6$hash\n"


def test_a_missing_backend_is_named_with_the_places_looked_at(libexec):
    result = ask(libexec, "mysqul", "credentials", "alice")
    assert result.returncode == 75
    assert f"{libexec.path}/table-mysqul" in result.stderr


@BOTH
def test_a_supervisor_is_asked_in_the_protocol_of_its_backend(libexec, protocol):
    libexec.program("table-watch", "from tablewatch.supervisor.main import main\nmain()\n")
    (libexec.path / f"table-watch-{protocol}").symlink_to("table-watch")
    result = ask(libexec, f"watch-{protocol}", "credentials", "alice", "--json")
    answer = json.loads(result.stdout)
    assert (answer["value"], answer["protocol"]) == ("$6$hash", protocol)
    assert result.returncode == 0
    libexec.wait_until_all_are_gone()


@BOTH
def test_through_a_supervisor_a_loop_is_what_the_supervisor_makes_of_it(libexec, protocol):
    libexec.program("table-watch", "from tablewatch.supervisor.main import main\nmain()\n")
    (libexec.path / f"table-watch-{protocol}").symlink_to("table-watch")
    result = ask(libexec, f"watch-{protocol}", "credentials", "-", stdin=b"loop\nalice\n")
    assert result.returncode == 75
    assert result.stdout == b"alice\t$6$hash\n"
    assert any(
        line.startswith("tablewatch: loop: backend answered error") for line in lines(result)
    )
    libexec.wait_until_all_are_gone()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["text", "credentials", "alice"], "BACKEND:CONF"),
        (["text:/c"], "needs a SERVICE"),
        (["text:/c", "credentials"], "needs a KEY"),
        (["text:/c", "source", "a", "--fetch"], "takes no KEY"),
        (["text:/c", "source", "--update"], "takes no SERVICE"),
        (["text:/c", "credential", "alice"], "credential"),
        (["text:/c", "source", "--fetch", "--update"], "not allowed with"),
        (["text:/c", "credentials", "a", "--timeout", "5"], "5s"),
        (["text:/c", "credentials", "a", "--timeout", "0"], "more than 0"),
    ],
)
def test_wrong_usage_gives_64_and_starts_nothing(libexec, arguments, complaint):
    result = libexec.tablewatch("query", *arguments)
    assert result.returncode == 64
    assert complaint in result.stderr
    assert libexec.pids() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_backend_can_run_as_another_user(libexec):
    with tempfile.TemporaryDirectory() as directory:  # pytest's own is closed to others
        os.chmod(directory, 0o755)
        program = os.path.join(directory, "table-who")
        with open(program, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nid -un >&2\n")
        os.chmod(program, 0o755)
        result = ask(libexec, program, "credentials", "alice", "--user", "nobody")
    assert result.returncode == 75
    assert "table-who: nobody" in lines(result)


def test_a_user_that_does_not_exist_is_refused(libexec):
    result = ask(libexec, "text", "credentials", "alice", "--user", "no-such-user")
    assert result.returncode == 75
    assert "no user no-such-user" in result.stderr
    assert libexec.pids() == []


class TestRealBackends:
    """The unmodified backends of Debian 12, which speak imsg."""

    @pytest.fixture(autouse=True)
    def backends(self, libexec):
        for name in ("passwd", "sqlite"):
            if not os.access(f"{DEBIAN}/table-{name}", os.X_OK):
                pytest.skip("Debian's opensmtpd-extras is not installed")
        libexec.config.write_text(f"backend_path: [{DEBIAN}]\n", encoding="utf-8")

    def test_passwd(self, libexec):
        libexec.conf.write_text("alice:$6$hash:1000:1000::/srv/alice:\n", encoding="utf-8")
        result = ask(libexec, "passwd", "-", "x")
        assert result.returncode == 64
        result = ask(libexec, "passwd", "userinfo", "alice")
        assert (result.returncode, result.stdout) == (0, b"1000:1000:/srv/alice\n")
        assert ask(libexec, "passwd", "userinfo", "bob").returncode == 1
        assert ask(libexec, "passwd", "--update").stdout == b"ok\n"

    def test_sqlite(self, libexec):
        sqlite3 = pytest.importorskip("sqlite3")
        database = libexec.path / "mail.db"
        with sqlite3.connect(database) as connection:
            connection.execute("create table domains (name text)")
            connection.execute("insert into domains values ('example.org')")
        connection.close()
        libexec.conf.write_text(
            f"dbpath {database}\nquery_domain select name from domains where name = ?\n",
            encoding="utf-8",
        )
        result = ask(libexec, "sqlite", "domain", "-", stdin=b"example.org\nexample.net\n")
        assert (result.returncode, result.stdout) == (0, b"example.org\texample.org\n")

    def test_a_configuration_that_is_not_there(self, libexec):
        result = ask(libexec, "passwd", "userinfo", "alice")
        assert result.returncode == 75
        assert "No such file or directory" in result.stderr


CORE = """
import resource, sys
sys.stderr.write(f"may leave {resource.getrlimit(resource.RLIMIT_CORE)}\\n")
"""


def test_a_backend_that_crashes_leaves_no_core_file(libexec):
    program = libexec.program("table-core", CORE)
    done = libexec.tablewatch("query", f"{program}:/nonexistent", "domain", "example.org")
    assert done.returncode == 75
    assert "may leave (1, 1)" in done.stderr or "may leave (0, 0)" in done.stderr
