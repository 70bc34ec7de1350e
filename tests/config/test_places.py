import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.config.places import Address, Directory, File, User, split_address

KINDS = [Directory(), File(), Address(), User()]


@given(st.sampled_from(KINDS), st.text() | st.text(alphabet="/:[]0123456789abcdef._-", max_size=20))
def test_whatever_is_written_is_read_back_or_answered_in_printable_words(kind, text):
    said = ""
    try:
        found = kind.read(text)
    except ValueError as error:
        said = str(error)
    if said:
        assert said.isascii()
        assert said.isprintable()
        assert f"write {kind.right()}" in said
    else:
        assert found == text
        assert kind.read(yaml.load(kind.write(found), yaml.BaseLoader)) == found
        assert yaml.load(f"[{kind.write(found)}]", yaml.BaseLoader) == [found]


@pytest.mark.parametrize("kind", [Directory(), File()])
def test_a_place_is_absolute_and_printable(kind):
    assert kind.read("/usr/lib") == "/usr/lib"
    for text in ("lib", "./lib", "~/lib", "/a\0b", "/a\nb", "/\udcff"):
        with pytest.raises(ValueError, match="write a path that begins with /"):
            kind.read(text)


def test_no_file_is_a_file_and_no_directory_is_none():
    assert File().read("") == ""
    assert File().write("") == "''"
    with pytest.raises(ValueError, match="not absolute"):
        Directory().read("")


def test_a_directory_may_be_limited_in_bytes():
    kind = Directory(10)
    for longest in ("/234567890", "/żżżżx"):
        assert kind.read(longest) == longest
        with pytest.raises(ValueError, match=r"too long; write .*, 10 bytes at most"):
            kind.read(longest + "x")


def test_paths_are_quoted_where_yaml_needs_it():
    assert Directory().write("/usr/lib") == "/usr/lib"
    assert Directory().write("/a b, c's") == "'/a b, c''s'"


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:10099", ("127.0.0.1", 10099)),
        ("[::1]:10099", ("::1", 10099)),
        ("[::ffff:192.0.2.1]:1", ("::ffff:192.0.2.1", 1)),
        ("mail.example.org:65535", ("mail.example.org", 65535)),
        (":10099", ("", 10099)),
    ],
)
def test_an_address_is_a_host_and_a_port(address, parts):
    assert Address().read(address) == address
    assert split_address(address) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10099",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:010",
        "::1:10099",
        "[127.0.0.1]:10099",
        "[::1]",
        "http://127.0.0.1:10099",
        "127.0.0.1:10099/",
        "a b:1",
        "żółw:1",
    ],
)
def test_what_is_no_address_is_told_one(text):
    with pytest.raises(ValueError, match=r"is no address; write one like 127\.0\.0\.1:10099"):
        Address().read(text)


@pytest.mark.parametrize("name", ["_smtpd", "opensmtpd", "a.b-c_d2"])
def test_a_user_is_a_plain_name(name):
    assert User().read(name) == name


@pytest.mark.parametrize("name", ["", "a b", "1000", "-x", "root:wheel", "x" * 32, "żółw"])
def test_what_is_no_name_of_a_user_is_refused(name):
    with pytest.raises(ValueError, match="is no name of a user; write one like _smtpd"):
        User().read(name)
