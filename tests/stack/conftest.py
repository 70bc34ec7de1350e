"""Fixtures of the real mail server's tests, all of which carry the marker ``stack``."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from . import install, schema
from .mariadb import MariaDB
from .requirements import need_stack
from .smtpd import FLAVOURS, Smtpd
from .world import wait_until

HERE = Path(__file__).parent
LOG_TAIL = 4000
_servers: list[Smtpd] = []

StartSmtpd = Callable[..., Smtpd]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this directory."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.stack)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of each running server's log below a failure."""
    report = yield
    if report.failed:
        for server in _servers:
            title = f"end of the {server.flavour.name} smtpd's log"
            report.sections.append((title, server.log_text()[-LOG_TAIL:]))
    return report


@pytest.fixture(scope="session", params=sorted(FLAVOURS))
def flavour(request: pytest.FixtureRequest) -> str:
    """Each protocol between smtpd and its backends in turn, by a mail server that speaks it."""
    name: str = request.param
    need_stack(name)
    return name


@pytest.fixture(scope="session")
def stack_directory() -> Iterator[Path]:
    """A directory that the servers' users may enter, which those of tmp_path are not."""
    with tempfile.TemporaryDirectory(prefix="tablewatch-stack-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def mariadb_server(stack_directory: Path) -> Iterator[MariaDB]:
    """The session's database server; tests ask for ``mariadb``."""
    with MariaDB(stack_directory / "mariadb") as server:
        yield server


@pytest.fixture(scope="session")
def tables(mariadb_server: MariaDB) -> MariaDB:
    """The database server with the incident's tables."""
    schema.load(mariadb_server)
    return mariadb_server


@pytest.fixture
def mariadb(tables: MariaDB) -> Iterator[MariaDB]:
    """The database server with the incident's tables, up again afterwards whatever was done."""
    yield tables
    if tables.alive():
        tables.thaw()
    else:
        tables.start()


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return iter(range(1_000_000))


@contextlib.contextmanager
def _starter(
    flavour: str, directory: Path, database: MariaDB, numbers: Iterator[int]
) -> Iterator[StartSmtpd]:
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Smtpd:
            own = directory / f"smtpd-{flavour}-{next(numbers)}"
            server = Smtpd(flavour, own, database, **options)
            _servers.append(server)
            stack.callback(_servers.remove, server)
            return stack.enter_context(server)

        yield start


@pytest.fixture
def smtpd_bare(
    flavour: str, mariadb: MariaDB, stack_directory: Path, _numbers: Iterator[int]
) -> Iterator[Smtpd]:
    """An smtpd with bare backends, of this test's own, to be broken."""
    with _starter(flavour, stack_directory, mariadb, _numbers) as start:
        yield start()


@pytest.fixture
def start_bare(
    flavour: str, mariadb: MariaDB, stack_directory: Path, _numbers: Iterator[int]
) -> Iterator[StartSmtpd]:
    """A function that starts an smtpd with bare backends; it takes Smtpd's options."""
    with _starter(flavour, stack_directory, mariadb, _numbers) as start:
        yield start


@pytest.fixture(scope="module")
def shared_bare(
    flavour: str, tables: MariaDB, stack_directory: Path, _numbers: Iterator[int]
) -> Iterator[Smtpd]:
    """An smtpd with bare backends for the tests that leave it as it was."""
    with _starter(flavour, stack_directory, tables, _numbers) as start:
        yield start()


@pytest.fixture(scope="session")
def wheel(stack_directory: Path) -> Path:
    """This checkout's wheel."""
    return install.build_wheel(stack_directory / "wheel")


@pytest.fixture(scope="session")
def prefix(flavour: str, wheel: Path, stack_directory: Path) -> Path:
    """Tablewatch, installed for one flavour's file tree."""
    directory = stack_directory / f"prefix-{flavour}"
    # Beside other workers a file's tests come after another's, and this flavour so more than once.
    if not directory.exists():
        install.install(flavour, wheel, directory)
    return directory


@contextlib.contextmanager
def _watched_starter(
    flavour: str, directory: Path, database: MariaDB, prefix: Path, numbers: Iterator[int]
) -> Iterator[StartSmtpd]:
    started: list[Smtpd] = []
    with _starter(flavour, directory, database, numbers) as start_any:

        def start(*, settings: str = "", mute: bool = False, **options: Any) -> Smtpd:
            server = start_any(**install.supervised(prefix, settings, mute=mute) | options)
            started.append(server)
            return server

        yield start
        for server in started:
            expect_nothing_left(server)


def expect_nothing_left(server: Smtpd) -> None:
    """Kill smtpd if it still runs; whatever served its tables must go by itself."""
    server.kill()
    wait_until(
        lambda: not server.table_processes(),
        f"{[each.argv for each in server.table_processes()]} to end after smtpd",
        seconds=10,
    )


@pytest.fixture
def start_watched(
    flavour: str, mariadb: MariaDB, stack_directory: Path, prefix: Path, _numbers: Iterator[int]
) -> Iterator[StartSmtpd]:
    """A function that starts an smtpd with supervised backends; it takes Smtpd's options.

    ``settings`` is the text of tablewatch.yml, which is not there by default; with ``mute`` what
    the backends write to stderr is lost.
    """
    with _watched_starter(flavour, stack_directory, mariadb, prefix, _numbers) as start:
        yield start


@pytest.fixture
def smtpd_watched(start_watched: StartSmtpd) -> Smtpd:
    """An smtpd with supervised backends, of this test's own, with the built-in defaults."""
    return start_watched()


@pytest.fixture(scope="module")
def shared_watched(
    flavour: str, tables: MariaDB, stack_directory: Path, prefix: Path, _numbers: Iterator[int]
) -> Iterator[Smtpd]:
    """An smtpd with supervised backends for the tests that leave it as it was."""
    with _watched_starter(flavour, stack_directory, tables, prefix, _numbers) as start:
        yield start()
