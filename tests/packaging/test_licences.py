"""tools/licences.py and docs/licences.md: what we depend on may be depended on."""

import re
from email.message import Message

import pytest
from tools import licences, lock

# What runs beside tablewatch is as free as tablewatch is, but for psycopg, which is optional,
# replaceable and unchanged.
PERMISSIVE = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "PSF-2.0"}
EXCEPTIONS = {"psycopg": {"LGPL-3.0-only"}}
# What it is developed with is not passed on; file-level copyleft does no harm there.
DEVELOPMENT = PERMISSIVE | {"MPL-2.0"}


def parts(expression):
    return set(re.split(r" AND | OR ", expression))


@pytest.mark.parametrize(
    ("purpose", "allowed"), [("runtime", PERMISSIVE), ("development", DEVELOPMENT)]
)
def test_every_licence_is_one_of_those_allowed(purpose, allowed):
    names = licences.purposes()[purpose]
    assert names
    assert {
        name: licences.licence(name)
        for name in names
        if not parts(licences.licence(name)) <= allowed | EXCEPTIONS.get(name, set())
    } == {}


def test_the_page_lists_what_is_locked():
    assert licences.PAGE.read_text(encoding="utf-8") == licences.page(), "run make lock"


def test_the_page_leaves_nothing_of_the_lock_out():
    assert {name for names in licences.purposes().values() for name in names} == set(lock.read())


def said(monkeypatch, **fields):
    package = Message()
    for name, value in fields.items():
        package[name.replace("_", "-")] = value
    monkeypatch.setattr(licences.metadata, "metadata", lambda name: package)
    return licences.licence("some-package")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"License_Expression": "MIT OR Apache-2.0", "License": "PSFL"}, "MIT OR Apache-2.0"),
        ({"License": "PSFL"}, "PSF-2.0"),
        ({"License": "BSD-3-Clause"}, "BSD-3-Clause"),
        ({"License": "Text of it", "Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
    ],
)
def test_a_licence_is_read_from_what_states_it_best(monkeypatch, fields, expected):
    assert said(monkeypatch, **fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"License": "see the file"},
        {"Classifier": "License :: OSI Approved :: BSD License"},
    ],
)
def test_a_licence_that_is_not_plain_is_not_guessed(monkeypatch, fields):
    with pytest.raises(licences.UnknownLicenceError, match="some-package"):
        said(monkeypatch, **fields)
