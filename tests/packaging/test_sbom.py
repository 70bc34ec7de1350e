"""tools/sbom.py: what a release says that it runs with."""

import json

import pytest
from tools import lock
from tools.sbom import sbom

EPOCH = 1_700_000_000


@pytest.fixture(scope="module")
def bill():
    return json.loads(sbom("1.2.3", EPOCH))


def references(bill):
    return {each["name"]: each["bom-ref"] for each in bill["components"]}


def test_it_is_cyclonedx_about_tablewatch(bill):
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    whole = bill["metadata"]["component"]
    assert (whole["name"], whole["version"]) == ("tablewatch", "1.2.3")
    assert whole["purl"] == "pkg:pypi/tablewatch@1.2.3"
    assert whole["licenses"] == [{"license": {"id": "ISC"}}]


def test_the_same_release_has_the_same_bill():
    assert sbom("1.2.3", EPOCH) == sbom("1.2.3", EPOCH)


def test_its_time_is_the_releases(bill):
    assert bill["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize("other", [("1.2.4", EPOCH), ("1.2.3", EPOCH + 1)])
def test_another_release_has_another_serial_number(bill, other):
    assert json.loads(sbom(*other))["serialNumber"] != bill["serialNumber"]


def test_everything_that_running_it_takes_is_listed_as_locked(bill):
    pins = lock.read()
    needed = lock.closure([*lock.runtime(), *lock.optional("mysql"), *lock.optional("postgres")])
    assert {each["name"]: each["version"] for each in bill["components"]} == {
        name: pins[name].version for name in needed
    }


def test_only_the_extras_are_optional(bill):
    always = {each["name"] for each in bill["components"] if each["scope"] == "required"}
    assert always == {"prometheus-client", "psutil", "pyyaml"}


def test_every_component_has_its_licence_and_address(bill):
    for each in bill["components"]:
        assert each["licenses"]
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"


def test_what_needs_what_is_told(bill):
    known = references(bill)
    needs = {each["ref"]: set(each.get("dependsOn", ())) for each in bill["dependencies"]}
    direct = set(known) - {"typing-extensions"}
    assert needs[bill["metadata"]["component"]["bom-ref"]] == {known[name] for name in direct}
    assert needs[known["psycopg"]] == {known["typing-extensions"]}
