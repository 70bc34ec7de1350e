from tablewatch.config.document import overlay
from tablewatch.config.schema import entries, keys, value
from tablewatch.config.settings import Config, RestartSettings, TableSettings
from tablewatch.config.values import Duration, Named, Switch


def test_entries_are_kinds_groups_and_named_groups():
    assert entries(TableSettings)["restart"] is RestartSettings
    assert isinstance(entries(TableSettings)["deadline"], Duration)
    tables = entries(Config)["tables"]
    assert isinstance(tables, Named)
    assert tables.group is TableSettings
    assert "path" not in entries(Config)


def test_a_bool_is_a_switch():
    assert isinstance(dict(keys(TableSettings))["log.syslog"], Switch)


def test_keys_of_nested_groups_have_dots():
    found = [key for key, _ in keys(Config)]
    assert found[:2] == ["backend_path", "daemon.directory"]
    assert found[-1] == "defaults.log.show_keys"
    assert "defaults.restart.burst" in found


def test_an_overlay_changes_only_what_is_named():
    base = TableSettings(max_retries=7, restart=RestartSettings(burst=9))
    laid = overlay(base, {"deadline": 1.0, "restart.max_delay": 2.0})
    assert laid.deadline == 1.0
    assert laid.max_retries == 7
    assert laid.restart == RestartSettings(burst=9, max_delay=2.0)
    assert laid.log == base.log


def test_an_overlay_leaves_the_base_alone():
    base = TableSettings()
    overlay(base, {"restart.burst": 1})
    assert base == TableSettings()


def test_a_value_is_found_by_its_key():
    assert value(TableSettings(), "restart.burst") == 5
