"""The README, the index of the documents, and the pages with commands, paths and make targets."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

import account_events
from ops.cli.app import app

ROOT = Path(__file__).parents[2]
README_LINES_MAX = 130
COLUMNS_MAX = 120
PAGES = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md"),
    *(f"docs/{name}.md" for name in ("README", "architecture", "commands", "local-stack", "operating", "performance")),
    *(f"docs/{name}.md" for name in ("disaster-recovery", "runbook", "scale")),
)


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert len(text("README.md").splitlines()) <= README_LINES_MAX


@pytest.mark.parametrize("name", PAGES)
def test_prose_is_wrapped(name: str) -> None:
    lines = text(name).splitlines()
    assert [line for line in lines if len(line) > COLUMNS_MAX and not line.startswith(("|", "!["))] == []


def test_the_index_lists_every_document() -> None:
    listed = set(re.findall(r"\]\(([^)#]+)\)", text("docs/README.md")))
    documents = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert documents <= listed


@pytest.mark.parametrize("name", PAGES)
def test_every_path_in_the_text_exists(name: str) -> None:
    folders = "account_core|account_events|benchmarks|consumers|docs|local_stack|ops|projector|schemas|tests|tools"
    paths = re.findall(rf"`((?:{folders})/[\w/.-]+)`", text(name))
    assert name != "docs/architecture.md" or len(paths) > 20
    # The wheel's copy of the schemas is made when the wheel is built.
    missing = [path for path in paths if not (ROOT / path).exists() and path != "account_events/schemas"]
    assert missing == []


def test_the_chain_of_packages_is_the_one_that_the_linter_checks() -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    [chain] = [contract["layers"] for contract in contracts if contract["name"].startswith("One chain")]
    for name in ("README.md", "docs/architecture.md"):
        assert f"`{' → '.join(chain)}`" in text(name), name


def test_every_function_in_the_walk_is_in_the_file_named() -> None:
    walk = text("docs/architecture.md")
    steps = re.findall(r"^\| (\d) \| `([\w/]+\.py)` \| `([A-Za-z_.]+)` \| \S.* \|$", walk, re.MULTILINE)
    assert [number for number, _, _ in steps] == re.findall(r"^\*\*(\d)\. ", walk, re.MULTILINE)
    assert len(steps) == 8
    in_prose = re.findall(r"`([A-Za-z_.]+)`\s+in\s+`([\w/]+\.py)`", walk)
    assert len(in_prose) > 20
    for name, path in [*in_prose, *((name, path) for _, path, name in steps)]:
        for part in name.split("."):
            assert re.search(rf"^ *(?:def|class) {part}\b", text(path), re.MULTILINE), (name, path)


def test_every_command_is_listed() -> None:
    listed = text("docs/commands.md")
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert {"up", "demo", "tail"} <= set(commands)
    for name, command in commands.items():
        assert f"account-events {name}" in listed, name
        for sub in getattr(command, "commands", {}):
            assert f"{name} {sub}`" in listed, f"{name} {sub}"


def test_every_make_target_with_a_help_text_is_listed() -> None:
    targets = re.findall(r"^([a-z-]+):.*##", text("Makefile"), re.MULTILINE)
    assert "quick" in targets
    for target in set(targets) - {"help", "setup"}:
        assert f"`make {target}`" in text("docs/commands.md"), target


def hooks() -> list[dict[str, Any]]:
    return yaml.safe_load(text(".pre-commit-config.yaml"))["repos"][0]["hooks"]  # type: ignore[no-any-return]


def test_the_hooks_run_what_make_quick_runs() -> None:
    recipes = re.findall(r"^(?:check|quick):.*\n((?:\t.*\n)+)", text("Makefile"), re.MULTILINE)
    commands = re.findall(r"\$\(BIN\)/(.+)", "".join(recipes))
    assert len(commands) == 8
    assert set(commands) <= {hook["entry"].removeprefix(".venv/bin/") for hook in hooks()}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("pyproject.toml", {"ruff-check", "ruff-format", "mypy", "lint-imports"}),
        ("schemas/AccountCreated.avsc", {"schema-check"}),
        ("consumers/lake/table.py", {"ruff-check", "ruff-format", "mypy", "lint-imports", "schema-check"}),
        ("template.yaml", {"cfn-lint", "checkov"}),
        ("README.md", set()),
    ],
)
def test_a_change_runs_the_hooks_that_read_the_file(path: str, expected: set[str]) -> None:
    always = {"words", "unit-tests"}
    assert {
        hook["id"] for hook in hooks() if hook.get("always_run") or re.search(hook["files"], path)
    } == expected | always


def test_the_newest_release_in_the_changelog_is_the_package_s_version() -> None:
    [newest, *_] = re.findall(r"^## (\d+\.\d+\.\d+) \(\d{4}-\d{2}-\d{2}\)$", text("CHANGELOG.md"), re.MULTILINE)
    assert account_events.__version__ == newest
