"""`make audit`, with a fake of the database of vulnerabilities that answers pip-audit on 127.0.0.1."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from local_stack.loopback_server import LoopbackServer
from tools import audit

REQUIREMENTS = f"six==1.17.0 --hash=sha256:{'0' * 64}\nurllib3==2.8.0 --hash=sha256:{'0' * 64}\n"
VULNERABILITY = {
    "id": "PYSEC-2026-1",
    "summary": "Something.",
    "affected": [
        {
            "package": {"name": "six", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.18.0"}]}],
        }
    ],
}
KNOWN = json.dumps({"vulns": [{"id": "PYSEC-2021-142", "affected": []}]}).encode()
NOTICE = "NOTICE: The functions' packages were NOT audited"

pytestmark = pytest.mark.skipif(not Path(audit.PIP_AUDIT[0]).exists(), reason="make check installs pip-audit")


class FakeDatabase(BaseHTTPRequestHandler):
    """Answers queries by package; the others get an empty answer, as packages without vulnerabilities do."""

    def __init__(self, answers: dict[str, bytes], status: int, queried: list[tuple[str, str]], *request: Any) -> None:  # noqa: ANN401
        self.answers, self.status, self.queried = answers, status, queried
        super().__init__(*request)

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.queried.append((query["package"]["name"], query["version"]))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.answers.get(query["package"]["name"], b"{}"))

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def requirements(tmp_path: Path) -> list[Path]:
    (tmp_path / "locked.txt").write_text(REQUIREMENTS, encoding="utf-8")
    return [tmp_path / "locked.txt"]


@contextmanager
def database(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, bytes] | None = None, status: int = 200
) -> Iterator[list[tuple[str, str]]]:
    """Start a fake database for pip-audit and yield its queries: package and version.

    Args:
        monkeypatch: sets the database's address.
        answers: by package; the database knows the vulnerability that every audit expects, unless one is here.
        status: of each answer.
    """
    queried: list[tuple[str, str]] = []
    with LoopbackServer(partial(FakeDatabase, {"pyyaml": KNOWN} | (answers or {}), status, queried)) as server:
        monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"http://127.0.0.1:{server.port}/query")
        yield queried


def test_a_vulnerable_package_fails_the_audit_by_name(
    requirements: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(monkeypatch, {"six": json.dumps({"vulns": [VULNERABILITY]}).encode()}):
        assert audit.audit(requirements) == 1
    *_, row = capsys.readouterr().out.splitlines()
    assert row.split()[:4] == ["six", "1.17.0", "PYSEC-2026-1", "1.18.0"]


def test_an_accepted_vulnerability_does_not_fail_the_audit(
    requirements: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "ACCEPTED", {"PYSEC-2026-1": "the function is not used"})
    with database(monkeypatch, {"six": json.dumps({"vulns": [VULNERABILITY]}).encode()}):
        assert audit.audit(requirements) == 0
    assert "1 ignored" in capsys.readouterr().out


def test_every_locked_package_is_looked_up(
    requirements: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(monkeypatch) as queried:
        assert audit.audit(requirements) == 0
    assert sorted(queried) == [("pyyaml", "5.3.1"), ("six", "1.17.0"), ("urllib3", "2.8.0")]
    assert capsys.readouterr().out == "No known vulnerabilities found\n"


@pytest.mark.parametrize(("answers", "status"), [({}, 503), ({"six": b"<html>Sign in</html>"}, 200)])
def test_a_database_that_fails_is_a_notice(
    requirements: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: dict[str, bytes],
    status: int,
) -> None:
    with database(monkeypatch, answers, status):
        assert audit.audit(requirements) == 0
    assert capsys.readouterr().out.startswith(NOTICE)


def test_a_database_without_any_vulnerability_is_a_notice(
    requirements: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as a mirror without data, or a proxy that answers every request."""
    with database(monkeypatch, {"pyyaml": b"{}"}):
        assert audit.audit(requirements) == 0
    output = capsys.readouterr().out
    assert output.startswith(NOTICE)
    assert "it reports no vulnerability of pyyaml==5.3.1" in output


@pytest.mark.parametrize(
    "change", [{"affected": None}, {"schema_version": "2.0.0"}], ids=["no packages", "another format"]
)
def test_a_vulnerability_that_is_not_understood_fails_the_audit(
    requirements: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str | None],
) -> None:
    """pip-audit skips it with a warning, and succeeds."""
    with database(monkeypatch, {"six": json.dumps({"vulns": [VULNERABILITY | change]}).encode()}):
        assert audit.audit(requirements) == 1
    assert capsys.readouterr().out.startswith("WARNING")


def test_a_database_that_cannot_be_reached_is_a_notice(
    requirements: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(monkeypatch):
        pass  # its port refuses connections now
    assert audit.audit(requirements) == 0
    assert capsys.readouterr().out.startswith(NOTICE)


def test_a_database_that_does_not_answer_is_a_notice(
    requirements: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.audit(requirements, time_max_s=0.01) == 0
    assert capsys.readouterr().out.startswith(NOTICE)


def test_requirements_that_cannot_be_read_fail_the_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "unlocked.txt").write_text("six\n", encoding="utf-8")
    assert audit.audit([tmp_path / "unlocked.txt"]) == 1
    captured = capsys.readouterr()
    assert NOTICE not in captured.out
    assert "hashed requirements" in captured.err
