from tablewatch.config.document import Document, Written
from tablewatch.config.settings import Config


def test_no_file_is_the_built_in_configuration():
    assert Document().config() == Config()


def test_tables_lie_over_defaults_and_those_over_what_is_built_in():
    document = Document(
        "/x.yml",
        {"defaults.deadline": Written(2.0, 2), "defaults.restart.burst": Written(1, 4)},
        {"creds": {"deadline": Written(3.0, 7)}, "empty": {}},
    )
    config = document.config()
    assert config.path == "/x.yml"
    assert config.defaults.deadline == 2.0
    assert config.tables["creds"].deadline == 3.0
    assert config.tables["creds"].restart.burst == 1
    assert config.tables["empty"] == config.defaults
    assert config.tables["creds"].max_retries == Config().defaults.max_retries


def test_an_origin_is_the_last_that_wrote_the_value():
    document = Document(
        "/x.yml",
        {"defaults.deadline": Written(2.0, 2), "defaults.max_retries": Written(1, 3)},
        {"creds": {"deadline": Written(3.0, 7)}},
    )
    assert document.origin("deadline", "creds") == ("tables.creds", 7)
    assert document.origin("max_retries", "creds") == ("defaults", 3)
    assert document.origin("deadline", "other") == ("defaults", 2)
    assert document.origin("deadline") == ("defaults", 2)
    assert document.origin("services", "creds") == ("built-in", 0)


def test_a_value_equal_to_the_default_still_comes_from_the_file():
    document = Document("/x.yml", {"defaults.deadline": Written(5.0, 2)})
    assert document.origin("deadline") == ("defaults", 2)
