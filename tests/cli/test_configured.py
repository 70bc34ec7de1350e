from tablewatch.cli.configured import configuration
from tablewatch.config.settings import Config


def written(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return str(path)


def test_the_file_that_the_environment_names_is_read(tmp_path, monkeypatch):
    file = written(tmp_path / "tablewatch.yml", "backend_path: [/opt/tables]\n")
    monkeypatch.setenv("TABLEWATCH_CONFIG", file)
    assert configuration().backend_path == ("/opt/tables",)


def test_a_broken_file_is_told_and_the_defaults_are_used_as_a_supervisor_does(
    tmp_path, monkeypatch, capsys
):
    file = written(tmp_path / "tablewatch.yml", "backend_pth: [/opt/tables]\n")
    monkeypatch.setenv("TABLEWATCH_CONFIG", file)
    assert configuration() == Config()
    said = capsys.readouterr().err
    assert f"{file}:1" in said
    assert "built-in defaults" in said


def test_a_named_file_that_is_missing_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TABLEWATCH_CONFIG", str(tmp_path / "none.yml"))
    assert configuration() == Config()
    assert "none.yml" in capsys.readouterr().err
