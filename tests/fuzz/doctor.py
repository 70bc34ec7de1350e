"""Targets: what the doctor reads of others' files."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from hypothesis import strategies as st
from tests.fuzz.target import Targets

from tablewatch.doctor import conf, smtpd_conf, sql, sqlite_text

DOCTOR = Targets()

_FOLDER = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)

SECRET = "xyzzy7Q"
_CHANGED = 5  # tables of a file that are changed, each in a file of its own

SQL_WORDS = (
    *("select ", "SELECT * ", "from ", "where ", "and ", "or ", " = ?", "? = ", "mail", "vusers"),
    *("join ", "on ", "union ", "group by ", "order by ", "limit 1", "with t as (", ")", "(", ","),
    *("'", '"', "`", "\\", "''", "``", "--", "-- ", "#", "/*", "*/", ".", ";", "$1", "?1", ":key"),
    *("\n", " as ", " u", "@x", "[a]", "insert into ", "values ", "lateral ", "?99999", "1.5", "ż"),
    *("REGEXP_REPLACE(?, '[+]([^@])+\\@', '\\@')", "concat('%', ", "?" + "9" * 5000),
)
CONF_WORDS = (
    *(
        "host ",
        "username ",
        "password ",
        "database ",
        "conninfo ",
        "dbpath ",
        "\n",
        ":",
        ": ",
        "\t",
    ),
    *(
        "query_credentials ",
        "query_alias ",
        "query_domain ",
        "fetch_source ",
        "fetch_source_expire ",
    ),
    *("select mail, c_password from vusers where mail = ?", "60", "9" * 5000, "#", "hots ", "\v"),
    *("postgresql://mail@db/mail", "/var/db/mail.sqlite", "query_song ", "fetch_source_refresh "),
)
SMTPD_WORDS = (
    *(
        "table creds mysql:/etc/mail/mysql.conf\n",
        "table ",
        "creds ",
        "watch-",
        "mysql:",
        "/etc/m ",
    ),
    *("include ", "nowhere.conf", '"', "'", "\\", "\\\n", "\n", "{", "}", "<creds>", "<", ">", "$"),
    *("listen on lo auth ", "match from any for domain ", 'action "a" relay\n', "a = ", "$a", "#"),
    *("m = mysql:/etc/m\n", "table t $m\n", "=", ",", "\t", "\r", "\f", "\0", "virtual ", "alias "),
    *('table t "mysql:/etc/a b"\n', "senders ", "userbase ", "\xa0", "file:", "{ a = b, c = d }\n"),
)


def near(words: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    """Return texts put together from `words`, and anything."""
    parts = st.sampled_from(words).map(str.encode) | st.binary(max_size=10)
    return st.lists(parts, max_size=25).map(b"".join)


def short(words: tuple[str, ...]) -> list[bytes]:
    """Return those of `words` that a dictionary may hold."""
    return [word.encode() for word in words if word and len(word) < 64]


def text_of(data: bytes) -> str:
    """Return `data` as the doctor reads a file."""
    return data.decode("utf-8", "surrogateescape")


@DOCTOR("sql", near(SQL_WORDS), short(SQL_WORDS))
def statements(data: bytes) -> None:
    """Whatever a query is, its words are found in order and stand where they say; a column that the
    key is compared with stands in it; and the query for any key has no key and is of the same
    tables, so that it can't find anything else.
    """
    text = text_of(data)
    found = sql.words(text)
    position = 0
    for word in found:
        assert position <= word.start < word.end <= len(text)
        position = word.end
        assert word.kind == "quoted" or text[word.start : word.end] == word.text
    names = sql.names(text)
    for table in names.tables:
        assert {table.name.lower(), table.alias.lower()} <= names.words
        assert not table.schema or table.schema.lower() in names.words
    column = sql.compared_column(text)
    assert column in text
    assert not column or [each.text for each in found].count("?") == 1
    every = sql.any_key(text)
    if every:
        assert column
        again = sql.words(every)
        assert all(each.text != "?" for each in again)
        assert again[0].plain == "select"
        assert set(sql.names(every).tables) <= set(names.tables)
        assert {each.text for each in again} <= {each.text for each in found}


@DOCTOR("sqlite-sql", near(SQL_WORDS), short(SQL_WORDS))
def sqlite_statement(data: bytes) -> None:
    """Whatever table-sqlite's query is, the statement made of it has numbered parameters only, and
    made again it is the same, unless SQLite refuses numbers so large.
    """
    made = sqlite_text.statement(text_of(data))
    assert made.parameters >= 0
    if made.parameters >= 1_000_000:
        return
    again = sqlite_text.statement(made.text)
    assert again.text == made.text
    assert again.parameters == made.parameters


@DOCTOR("table-conf", near(CONF_WORDS), short(CONF_WORDS))
def table_conf(data: bytes) -> None:
    """Whatever the configuration of a backend holds, every line of it is an option, a query or a
    finding that names file and line; the password is told in none of them.
    """
    text = text_of(data) + f"\npassword {SECRET}\nconninfo password={SECRET}"
    for backend in ("mysql", "postgres", "sqlite"):
        read = conf.parse(backend, "/etc/mail/x.conf", "creds", text)
        lines = text.split("\n")
        for query in read.queries:
            assert query.text in lines[query.line - 1]
            assert query.text
            assert conf.COLUMNS[query.service] or query.parameters == 0
        for key, value in read.options.items():
            assert any(key in line and value in line for line in lines)
        for finding in read.findings:
            file, _, line = finding.place.rpartition(":")
            assert (file, 1 <= int(line) <= len(lines)) == ("/etc/mail/x.conf", True)
            assert finding.proof.isprintable()
            assert finding.title.isprintable()
            assert SECRET not in str(finding)
        assert len({query.key for query in read.queries}) == len(read.queries)
        assert SECRET not in repr(read)


@DOCTOR("smtpd-conf", near(SMTPD_WORDS), short(SMTPD_WORDS))
def smtpd_tables(data: bytes) -> None:
    """Whatever smtpd.conf holds, its tables are read, or it is said that a file can't be; each
    stands in the line it names, and with that line changed as it says, the same tables are there
    and this one is watched, or not (unless a \\ breaks the very word).
    """
    path = _FOLDER / "smtpd.conf"
    path.write_bytes(data)
    try:
        found = smtpd_conf.tables(str(path))
    except OSError:
        return
    with path.open(encoding="utf-8", errors="surrogateescape") as stream:
        lines = stream.read().split("\n")
    mine = [each for each in found if each.file == str(path)]
    for index, each in enumerate(mine[:_CHANGED]):
        assert lines[each.line - 1] == each.text
        assert each.conf.startswith("/")
        if each.column + each.width > len(each.text):
            continue  # the word itself goes on in the next line
        for changed, watched in ((each.watch(), True), (each.unwatch(), False)):
            new = [*lines[: each.line - 1], changed, *lines[each.line :]]
            path.write_bytes("\n".join(new).encode("utf-8", "surrogateescape"))
            again = [one for one in smtpd_conf.tables(str(path)) if one.file == str(path)]
            assert [(one.table, one.bare, one.conf) for one in again] == [
                (one.table, one.bare, one.conf) for one in mine
            ]
            assert again[index].watched is watched
            assert again[index].services == each.services
