import pytest

from tablewatch.cli import host


@pytest.mark.parametrize("platform", ["openbsd7", "openbsd8"])
def test_openbsd_is_told_by_any_release(platform):
    assert host.is_openbsd(platform)
    assert host.restart_command(platform) == "rcctl restart smtpd"
    assert host.backend_package("mysql", platform) == "pkg_add opensmtpd-table-mysql"


def test_elsewhere_it_is_debian():
    assert not host.is_openbsd("linux")
    assert host.restart_command("linux") == "systemctl restart opensmtpd"
    assert "opensmtpd-table-mysql" in host.backend_package("mysql", "linux")
    assert "opensmtpd-extras" in host.backend_package("mysql", "linux")


def test_the_first_smtpd_conf_that_exists_is_taken(tmp_path):
    first, second = tmp_path / "a.conf", tmp_path / "b.conf"
    second.touch()
    assert host.smtpd_conf([str(first), str(second)]) == str(second)
    first.touch()
    assert host.smtpd_conf([str(first), str(second)]) == str(first)
    assert host.smtpd_conf([str(tmp_path / "c")]) is None
