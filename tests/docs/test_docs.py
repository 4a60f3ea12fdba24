"""Documents as tests: what the code can say, the documents explain."""

import ast
import re
from pathlib import Path

import pytest
from typer.main import get_command

from account_core import errors, http_api, http_requests
from ops.cli import app

ROOT = Path(__file__).parents[2]
WORD = re.compile(r"[a-z]+(_[a-z0-9]+)+")
ABSTRACT = {"rejected", "account_error", "invalid_request"}


def _codes() -> set[str]:
    """Every error's code, and every word with an underscore that the API's modules may put into a problem."""
    words = {
        node.value
        for module in (http_api, http_requests)
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and WORD.fullmatch(node.value)
    }
    return (words | {kind.code for kind in _descendants(errors.AccountError)}) - ABSTRACT


def _descendants(kind: type[errors.AccountError]) -> set[type[errors.AccountError]]:
    return {kind}.union(*(_descendants(child) for child in kind.__subclasses__()))


def test_every_problem_code_is_documented() -> None:
    codes = _codes()
    assert {"invalid_amount", "insufficient_funds", "route_not_found", "body_too_large", "internal_error"} <= codes
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs/api.md").read_text()))
    assert codes <= documented


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert {"up", "demo", "tail"} <= set(commands)
    for name in commands:
        assert f"account-events {name}" in readme, name


def test_every_make_target_named_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-zA-Z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")):
        named = set(re.findall(r"`make ([a-z-]+)", document.read_text()))
        assert named <= targets, document


def test_every_link_between_documents_leads_somewhere() -> None:
    for document in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_the_readme_decodes_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    data = bytes.fromhex((ROOT / "tests/golden/avro/AccountCreated.1.hex").read_text())
    exec(compile(example, "README.md", "exec"), {"record": {"Data": data}})  # noqa: S102 -- our own README
    assert re.fullmatch(r"AccountCreated \S+ \d+\n", capsys.readouterr().out)
