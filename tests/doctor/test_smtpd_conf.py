import pytest

from tablewatch.doctor.smtpd_conf import tables

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


def read(conf, text):
    conf.write_text(text, encoding="utf-8")
    return tables(str(conf))


def test_tables_with_a_backend_are_found_and_nothing_else(conf):
    found = [(table.table, table.backend, table.line) for table in tables(str(conf))]
    assert found == [
        ("aliases", "file", 3),
        ("creds", "mysql", 4),
        ("domains", "watch-postgres", 5),
        ("long", "passwd", 9),
    ]


def test_the_backends_configuration_is_told(conf):
    assert [each.conf for each in tables(str(conf))][1:3] == [
        "/etc/mail/mysql.conf",
        "/etc/mail/domains.conf",
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


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('b = "mysql"\ntable c $b:/c\n', "table c watch-mysql:/c"),
        ("b = mysql:/c\ntable c $b # see above\n", "table c watch-mysql:/c # see above"),
        ('p="/c"\nb = "mysql"\ntable c "mysql:/c"\n', 'table c "watch-mysql:/c"'),
        ("n = c\ntable $n mysql:/c\n", "table $n watch-mysql:/c"),
        ("p = /c\ntable c mysql:/c # $p\n", "table c watch-mysql:/c # $p"),
    ],
)
def test_macros_are_put_in(conf, text, line):
    (table,) = read(conf, text)
    assert (table.table, table.backend, table.conf) == ("c", "mysql", "/c")
    assert table.watch() == line


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ('table c "mysql:/a\\"b"', 'table c "watch-mysql:/a\\"b"'),
        ('table c "mysql:/a b', 'table c "watch-mysql:/a b'),
        ("m = 'mysql:/a\"b'\ntable c $m", 'table c "watch-mysql:/a\\"b"'),
    ],
)
def test_what_has_to_be_quoted_stays_so(conf, text, changed):
    (table,) = read(conf, text)
    assert table.watch() == changed
    (again,) = read(conf, changed)
    assert (again.backend, again.conf) == ("watch-mysql", table.conf)


def test_an_included_file_of_an_impossible_name_can_not_be_read(conf):
    with pytest.raises(OSError, match="NUL"):
        read(conf, 'include "a\0b"\n')


def test_a_macro_is_not_put_into_the_middle_of_a_word_or_into_quotes(conf):
    text = 'b = mysql\ntable a x$b:/a\ntable b "$b:/b"\ntable c $none:/c\n'
    assert [each.backend for each in read(conf, text)] == ["x$b", "$b", "$none"]


def test_a_macro_may_come_from_an_included_file(tmp_path, conf):
    macros = tmp_path / "macros.conf"
    macros.write_text("db = mysql:/c\n", encoding="utf-8")
    (table,) = read(conf, f'include "{macros}"\ntable c $db\n')
    assert (table.backend, table.line) == ("mysql", 2)


def test_what_a_table_is_used_for(conf):
    text = """\
table c mysql:/c
table d mysql:/d
table u mysql:/u
table unused mysql:/x
listen on lo port 465 smtps pki mx auth <c> \\
    senders <c> masquerade
listen on lo port 25 auth-optional <c> hostnames <u>
action "a" maildir "/x" virtual <u> userbase <u>
action "b" relay src <u> auth <c>
match from src <d> for domain { "x", "y" } action "a"
match from any for domain <d> action "a"
match from auth regex <d> for any action "b"
match ! mail-from <d> for any reject
"""
    uses = {each.table: set(each.services) for each in read(conf, text)}
    assert uses == {
        "c": {"credentials", "mailaddrmap"},
        "d": {"domain", "netaddr", "regex", "mailaddr"},
        "u": {"addrname", "alias", "userinfo", "source"},
        "unused": set(),
    }


def test_included_files_are_read_where_they_are_named_and_only_once(tmp_path, conf):
    more = tmp_path / "more.conf"
    more.write_text(f'table m mysql:/m\ninclude "{conf}"\n', encoding="utf-8")
    found = [
        (table.file, table.table, table.text)
        for table in read(conf, f'include "{more}"\ntable c mysql:/c')
    ]
    assert found == [
        (str(more), "m", "table m mysql:/m"),
        (str(conf), "c", "table c mysql:/c"),
    ]


def test_bytes_that_are_no_utf8_are_kept(conf):
    conf.write_bytes(b"# caf\xe9\ntable c mysql:/c\xe9\n")
    (table,) = tables(str(conf))
    assert table.watch().encode("utf-8", "surrogateescape") == b"table c watch-mysql:/c\xe9"


@pytest.mark.parametrize(
    "text", ["", "#", "table", "table c", "table c 'mysql:/c", "$", "\\", "table {\n}\n}\n", "<"]
)
def test_half_a_file_is_read_as_far_as_it_goes(conf, text):
    assert [each.table for each in read(conf, f"table a mysql:/a\n{text}")][:1] == ["a"]


def test_a_file_that_is_not_there_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        tables(str(tmp_path / "none"))
