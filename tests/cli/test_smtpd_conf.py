import pytest

from tablewatch.cli.smtpd_conf import tables

DEBIAN = """\
# table old mysql:/etc/mail/old.conf
pki mx cert "/etc/ssl/mx.crt"
table aliases file:/etc/aliases
table creds mysql:/etc/mail/mysql.conf
  table "domains"\t"watch-postgres:/etc/mail/domains.conf" # was postgres
table vals { a = b }
table list "/etc/mail/list"
table long \\
    passwd:/etc/mail/passwd
match from any for domain <domains> action "local"
"""


@pytest.fixture
def conf(tmp_path):
    file = tmp_path / "smtpd.conf"
    file.write_text(DEBIAN, encoding="utf-8")
    return file


def test_tables_with_a_backend_are_found_and_nothing_else(conf):
    found = [(table.table, table.backend, table.line) for table in tables(str(conf))]
    assert found == [
        ("aliases", "file", 3),
        ("creds", "mysql", 4),
        ("domains", "watch-postgres", 5),
        ("long", "passwd", 9),
    ]


def test_one_word_of_the_line_changes_and_the_rest_stays(conf):
    by_name = {table.table: table for table in tables(str(conf))}
    assert by_name["creds"].watch() == "table creds watch-mysql:/etc/mail/mysql.conf"
    assert by_name["long"].watch() == "    watch-passwd:/etc/mail/passwd"
    domains = by_name["domains"]
    assert domains.watched
    assert domains.bare == "postgres"
    assert domains.unwatch() == (
        '  table "domains"\t"postgres:/etc/mail/domains.conf" # was postgres'
    )


def test_watching_and_unwatching_are_each_others_reverse(conf):
    for table in tables(str(conf)):
        assert table.text in (table.watch(), table.unwatch())


def test_included_files_are_read_too_and_only_once(tmp_path, conf):
    more = tmp_path / "more.conf"
    more.write_text(f'table m mysql:/m\ninclude "{conf}"\n', encoding="utf-8")
    conf.write_text(f'include "{more}"\ntable c mysql:/c', encoding="utf-8")
    found = [(table.file, table.table, table.text) for table in tables(str(conf))]
    assert found == [
        (str(conf), "c", "table c mysql:/c"),
        (str(more), "m", "table m mysql:/m"),
    ]


def test_bytes_that_are_no_utf8_are_kept(conf):
    conf.write_bytes(b"# caf\xe9\ntable c mysql:/c\xe9\n")
    (table,) = tables(str(conf))
    assert table.watch().encode("utf-8", "surrogateescape") == b"table c watch-mysql:/c\xe9"


def test_a_file_that_is_not_there_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        tables(str(tmp_path / "none"))
