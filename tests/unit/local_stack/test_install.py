"""Installing from pip's indexes, as far as it can be tested without a package index."""

from pathlib import Path

import pytest

from local_stack import install

LISTING = """\
:env:.find-links='/opt/wheels'
global.extra-index-url='\\nhttps://one.example/simple\\nhttps://two.example/simple'
global.find-links='/elsewhere'
global.index-url='https://global.example/simple'
install.index-url='https://user:p=w@mirror.example/simple'
download.index-url='https://unused.example/simple'
"""


def test_more_specific_settings_take_precedence_as_in_pip() -> None:
    assert install.parse_settings(LISTING) == {
        "extra-index-url": "\nhttps://one.example/simple\nhttps://two.example/simple",
        "find-links": "/opt/wheels",
        "index-url": "https://user:p=w@mirror.example/simple",
    }


def test_uv_uses_the_indexes_that_pip_is_configured_with() -> None:
    assert install.uv_environment(install.parse_settings(LISTING), {"HOME": "/home/user"}) == {
        "HOME": "/home/user",
        "UV_DEFAULT_INDEX": "https://user:p=w@mirror.example/simple",
        "UV_FIND_LINKS": "/opt/wheels",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
    }


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_an_index_configured_for_uv_takes_precedence(variable: str) -> None:
    own = {variable: "https://own.example/simple"}
    assert install.uv_environment({"index-url": "https://mirror.example/simple"}, own) == own


def test_pip_settings_are_read_from_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://mirror.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    install.pip_settings.cache_clear()
    try:
        assert install.pip_settings()["index-url"] == "https://mirror.example/simple"
    finally:
        install.pip_settings.cache_clear()


@pytest.mark.parametrize(
    ("lock", "reason"),
    [
        ("six==1.99.0 --hash=sha256:" + "0" * 64, r"six==1\.99\.0|six was not found"),
        ("six==1.17.0", "must have a hash|require-hashes"),
    ],
)
def test_a_failed_installation_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: str, reason: str
) -> None:
    (tmp_path / "lock.txt").write_text(lock)
    monkeypatch.setattr(install, "pip_settings", lambda: {"no-index": "1"})
    with pytest.raises(install.InstallError, match=rf"^The packages of lock\.txt cannot be installed: .*({reason})"):
        install.install(tmp_path / "lock.txt", "--target", str(tmp_path / "packages"))


@pytest.mark.parametrize(
    ("stderr", "line"), [("error: a\n  cause: b\n", "error: a cause: b"), ("", "uv printed no reason")]
)
def test_the_error_output_of_uv_is_joined_into_one_line(stderr: str, line: str) -> None:
    assert install.error_line(stderr) == line
