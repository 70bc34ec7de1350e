import dataclasses

import pytest

from tablewatch.config.schema import keys, value
from tablewatch.config.settings import SERVICES, Config, TableSettings
from tablewatch.config.values import Count, Duration, Several, Word
from tablewatch.protocol import messages

ALL = list(keys(TableSettings))


@pytest.mark.parametrize(("key", "kind"), ALL, ids=[key for key, _ in ALL])
def test_every_default_is_valid_and_survives_being_written(key, kind):
    default = value(TableSettings(), key)
    if isinstance(kind, Several):
        assert tuple(kind.read(one) for one in default) == default
    else:
        assert kind.read(kind.write(default)) == default


@pytest.mark.parametrize(("key", "kind"), ALL, ids=[key for key, _ in ALL])
def test_every_range_has_a_reason(key, kind):
    if isinstance(kind, Duration | Count):
        assert kind.low < kind.high
        assert len(kind.why) > 20


def test_defaults_do_not_contradict_each_other():
    limited = [(key, kind.at_most) for key, kind in ALL if isinstance(kind, Duration)]
    limits = [(key, at_most) for key, at_most in limited if at_most]
    assert limits
    for key, at_most in limits:
        other = ".".join([*key.split(".")[:-1], at_most])
        assert value(TableSettings(), key) <= value(TableSettings(), other)


def test_every_field_is_a_key_of_the_file_except_where_the_file_is():
    top = {key.partition(".")[0] for key, _ in keys(Config)} | {"tables"}
    assert {field.name for field in dataclasses.fields(Config)} - top == {"path"}
    known = {key.partition(".")[0] for key, _ in ALL}
    assert {field.name for field in dataclasses.fields(TableSettings)} == known


def test_the_services_are_those_of_the_protocol_without_auth():
    assert (*SERVICES, "auth") == messages.SERVICES
    kind = dict(ALL)["services"]
    assert isinstance(kind, Several)
    assert isinstance(kind.item, Word)
    with pytest.raises(ValueError, match="clear-text-password"):
        kind.read("auth")


def test_a_table_without_settings_of_its_own_has_the_defaults():
    own = TableSettings(deadline=1.0)
    config = Config(tables={"creds": own})
    assert config.table("creds") is own
    assert config.table("other") is config.defaults
