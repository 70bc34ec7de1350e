import pytest
import yaml

from tablewatch.config.schema import keys, value
from tablewatch.config.settings import SERVICES, Config, TableSettings
from tablewatch.config.values import Count, Duration, Several, Share, Size, Word
from tablewatch.policy.keyfilter import CHARSETS
from tablewatch.protocol import messages
from tablewatch.record import names_of

ALL = list(keys(TableSettings))


@pytest.mark.parametrize(("key", "kind"), ALL, ids=[key for key, _ in ALL])
def test_every_default_is_valid_and_survives_being_written(key, kind):
    default = value(TableSettings(), key)
    if isinstance(kind, Several):
        assert tuple(kind.read(one) for one in default) == default
    else:
        written = yaml.load(kind.write(default), yaml.BaseLoader)
        assert kind.read(written) == default


@pytest.mark.parametrize(("key", "kind"), ALL, ids=[key for key, _ in ALL])
def test_every_range_has_a_reason(key, kind):
    if isinstance(kind, Duration | Count | Share | Size):
        assert kind.low < kind.high
        assert len(kind.why) > 20


def test_defaults_do_not_contradict_each_other():
    limits = [(key, kind.at_most) for key, kind in ALL if kind.at_most]
    assert len(limits) >= 4
    for key, at_most in limits:
        other = ".".join([*key.split(".")[:-1], at_most])
        assert value(TableSettings(), key) <= value(TableSettings(), other)


def test_every_field_is_a_key_of_the_file_except_what_stands_elsewhere():
    top = {key.partition(".")[0] for key, _ in keys(Config)} | {"tables"}
    assert set(names_of(Config)) - top == {"path", "patterns"}
    known = {key.partition(".")[0] for key, _ in ALL}
    assert set(names_of(TableSettings)) == known


def test_the_services_are_those_of_the_protocol_without_auth():
    assert (*SERVICES, "auth") == messages.SERVICES
    kind = dict(ALL)["services"]
    assert isinstance(kind, Several)
    assert isinstance(kind.item, Word)
    with pytest.raises(ValueError, match="clear-text-password"):
        kind.read("auth")


def test_nothing_is_ever_kept_or_refused_of_auth_keys():
    with pytest.raises(ValueError, match="hold passwords"):
        dict(ALL)["quarantine.not_found"].read("auth")


def test_a_probe_can_ask_every_service_but_auth():
    kind = dict(ALL)["breaker.probe"]
    assert all(kind.read(f"{service} x") for service in SERVICES)
    with pytest.raises(ValueError, match='"auth" is no service'):
        kind.read("auth x:y")


def test_the_charsets_of_the_filter_are_those_it_can_tell():
    assert dict(ALL)["filter.charset"].known == ("any", *CHARSETS)


def test_a_table_without_settings_of_its_own_has_the_defaults():
    own = TableSettings(deadline=1.0)
    config = Config(tables={"creds": own})
    assert config.table("creds") is own
    assert config.table("other") is config.defaults
