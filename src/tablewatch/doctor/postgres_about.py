"""What a PostgreSQL server says of itself, of the database and of the role we are."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from tablewatch.doctor.postgres_session import Session

DEFAULT_PORT = "5432"
_UTF8 = ("UTF8", "UNICODE")
_ABOUT = """
SELECT current_setting('server_encoding'), current_setting('client_encoding'),
    current_setting('lc_messages'),
    (SELECT reset_val FROM pg_settings WHERE name = 'statement_timeout'),
    current_user, d.datname, pg_get_userbyid(d.datdba), d.datcollate, d.datctype,
    pg_size_pretty(pg_database_size(d.oid)),
    current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int,
    (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL),
    r.rolconnlimit, d.datconnlimit, pg_backend_pid(), r.rolsuper
FROM pg_roles r, pg_database d
WHERE r.rolname = current_user AND d.datname = current_database()
"""
# The first of these columns.
_TEXTS = (
    "encoding",
    "client_encoding",
    "messages",
    "statement_timeout",
    "role",
    "database",
    "owner",
    "collate",
    "ctype",
    "size",
)


@dataclass(frozen=True, slots=True)
class About:
    """The server and the way to it, as table-postgres finds them; ``words`` are the conninfo's."""

    words: dict[str, str]
    host: str
    port: str
    encoding: str
    client_encoding: str
    messages: str  # lc_messages
    statement_timeout: str
    role: str
    database: str
    owner: str
    collate: str
    ctype: str
    size: str
    slots: int  # connections that ordinary roles can have
    taken: int
    role_limit: int
    database_limit: int
    pooled: bool
    superuser: bool

    @property
    def local(self) -> bool:
        """Whether the server is on this host, as far as its name says so."""
        return self.host.startswith(("/", "127.")) or self.host in ("", "localhost", "::1")

    @property
    def client(self) -> str:
        """The command that takes SQL from the database's administrator."""
        words = ["psql", "--set=ON_ERROR_STOP=1", f"--dbname={self.database}"]
        words += [] if self.local else [f"--host={self.host}"]
        words += [] if self.port == DEFAULT_PORT else [f"--port={self.port}"]
        return shlex.join(words)

    @property
    def in_utf8(self) -> bool:
        """Whether both ends take text for UTF-8."""
        return self.utf8_database and self.utf8_connection

    @property
    def utf8_database(self) -> bool:
        """Whether the database is of UTF-8."""
        return self.encoding in _UTF8

    @property
    def utf8_connection(self) -> bool:
        """Whether the connection is of UTF-8."""
        return self.client_encoding in _UTF8


def about(session: Session, words: dict[str, str]) -> About:
    """Ask the server about itself. Raises ServerError."""
    (row,) = session.rows(_ABOUT)
    texts = dict(zip(_TEXTS, row, strict=False))
    slots, taken, role_limit, database_limit, pid = map(int, row[len(_TEXTS) : -1])
    return About(
        words=words,
        host=session.host,
        port=session.port,
        **texts,
        slots=slots,
        taken=taken,
        role_limit=role_limit,
        database_limit=database_limit,
        pooled=pid != session.key_pid,  # a pooler makes up the process it says we were given
        superuser=row[-1] in ("t", "true"),
    )
