"""What the demo makes and starts is gone when it is over."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from tablewatch.cli.demo.scenario import POISON, QUERIES
from tablewatch.cli.demo.workshop import CPU_LIMIT, Workshop
from tablewatch.config.loader import load


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def entered(directory):
    [path] = directory.iterdir()
    return path


def test_the_programs_and_files_are_for_us_alone(directory):
    with Workshop():
        assert entered(directory).stat().st_mode & 0o777 == 0o700
        assert {"table-demo", "table-watch-demo", "mail.sqlite", "tablewatch.yml"} <= set(
            os.listdir(entered(directory))
        )
    assert list(directory.iterdir()) == []


def test_its_configuration_is_one_that_a_supervisor_accepts(directory):
    with Workshop():
        config = load(str(entered(directory) / "tablewatch.yml"), required=True)
        assert config.defaults.log.syslog is False
        assert config.defaults.log.stderr is True


@pytest.mark.parametrize("program", ["table-demo", "table-watch-demo"])
def test_both_programs_serve_both_tables(program):
    with Workshop() as workshop:
        for name in QUERIES:
            workshop.start("run", program, name).wait_ready()
        assert len(workshop.processes("run")) >= len(QUERIES)
        assert workshop.processes("other") == []


def test_a_looping_backend_is_ended_with_the_rest(directory):
    with Workshop() as workshop:
        table = workshop.start("run", "table-demo", "creds")
        table.wait_ready()
        table.ask("credentials", POISON)
        while not any("trying to reconnect" in line for line in table.read_stderr() or []):
            pass
        [process] = workshop.processes("run")
    assert not process.is_running()
    assert list(directory.iterdir()) == []


def test_an_exception_leaves_nothing_behind(directory):
    processes: list[psutil.Process] = []

    def fail():
        with Workshop() as workshop:
            workshop.start("run", "table-watch-demo", "creds").wait_ready()
            processes.extend(workshop.processes())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert processes
    # A spare that was just being started is not found, and leaves by itself.
    assert psutil.wait_procs(processes, timeout=30)[1] == []
    assert list(directory.iterdir()) == []


def test_a_healthy_table_leaves_by_itself():
    with Workshop() as workshop:
        table = workshop.start("run", "table-demo", "creds")
        table.wait_ready()
        table.close()
        assert workshop.await_end("run")[0] == []


@pytest.mark.skipif(sys.platform != "linux", reason="another process's limits are told there only")
@pytest.mark.parametrize("program", ["table-demo", "table-watch-demo"])
def test_a_backend_that_nobody_ends_is_ended_by_the_kernel(program):
    with Workshop() as workshop:
        workshop.start("run", program, "creds").wait_ready()
        limits = [Path(f"/proc/{each.pid}/limits") for each in workshop.processes("run")]
        words = [line.split() for file in limits for line in file.read_text().splitlines()]
        assert ["Max", "cpu", "time", str(CPU_LIMIT), str(CPU_LIMIT), "seconds"] in words


def test_the_interpreter_is_the_one_we_run_with():
    with Workshop() as workshop:
        workshop.start("run", "table-demo", "creds").wait_ready()
        [process] = workshop.processes("run")
        assert process.cmdline()[0] == sys.executable
