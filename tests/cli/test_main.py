import subprocess
import sys
from types import SimpleNamespace

import pytest

from tablewatch import __version__
from tablewatch.cli import main as program
from tablewatch.errors import InstallError


@pytest.fixture
def command(monkeypatch):
    """A module to stand in for the one of `install`."""

    class Module:
        @staticmethod
        def add_parser(subparsers):
            subparsers.add_parser("install").add_argument("word", nargs="?")

        @staticmethod
        def run(args):
            return 7

    loader = SimpleNamespace(import_module=lambda name: Module)
    monkeypatch.setattr(program, "importlib", loader)
    return Module


def raising(error):
    def run(args):
        raise error

    return staticmethod(run)


def test_the_status_is_the_commands(command):
    assert program.main(["install"]) == 7


def test_an_error_of_ours_is_one_message_and_1(command, capsys):
    command.run = raising(InstallError("/x is not ours"))
    assert program.main(["install"]) == 1
    assert capsys.readouterr().err == "tablewatch: /x is not ours\n"


def test_ctrl_c_is_130_and_no_traceback(command, capsys):
    command.run = raising(KeyboardInterrupt())
    assert program.main(["install"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["instal", "x"], "did you mean install?"),
        (["check_config"], "did you mean check-config?"),
        (["xyzzy"], "there is install, uninstall, query, check-config, status, "),
        ([], "COMMAND"),
    ],
)
def test_a_wrong_command_names_the_right_one(capsys, arguments, said):
    with pytest.raises(SystemExit) as raised:
        program.main(arguments)
    assert raised.value.code == 64
    assert said in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as raised:
        program.main(["--version"])
    assert raised.value.code == 0
    assert capsys.readouterr().out == f"tablewatch {__version__}\n"


def test_help_lists_every_command_without_loading_any(libexec):
    code = (
        "import sys; from tablewatch.cli import main\n"
        "try: main.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith('tablewatch.cli.')])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=libexec.environment(),
    )
    assert result.stdout.splitlines()[-1] == "['tablewatch.cli.main']"
    for name in program.COMMANDS:
        assert f"\n    {name}" in result.stdout


@pytest.mark.parametrize("name", program.COMMANDS)
def test_every_command_is_there_and_explains_itself(libexec, name):
    result = libexec.tablewatch(name, "--help")
    assert result.returncode == 0, result.stderr
    assert f"usage: tablewatch {name}".encode() in result.stdout


def test_a_reader_that_leaves_is_no_error(libexec):
    arguments = ("query", f"text:{libexec.conf}", "credentials", "alice")
    process = libexec.start(*arguments)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err
    libexec.wait_until_all_are_gone()
