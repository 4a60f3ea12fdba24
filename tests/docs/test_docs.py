"""The documents cover every problem, request, command and link."""

import ast
import re
import tomllib
from pathlib import Path

from account_core.api import queries
from account_core.api.problems import PROBLEMS
from account_core.api.routes import ROUTES
from account_core.domain import errors

ROOT = Path(__file__).parents[2]
MAKE_PROBLEMS = {"InvalidRequest", "problem", "name"}
ABSTRACT = {"rejected", "account_error"}


def _raised() -> set[str]:
    """The code of every error class, and every code that the API's modules use for a problem."""
    codes = {
        str(argument.value)
        for path in (ROOT / "account_core").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in MAKE_PROBLEMS
        for argument in node.args
        if isinstance(argument, ast.Constant) and re.fullmatch("[a-z_]+", str(argument.value))
    }
    return codes | {kind.code for kind in _descendants(errors.AccountError) if "code" in vars(kind)} - ABSTRACT


def _descendants(kind: type[errors.AccountError]) -> set[type[errors.AccountError]]:
    return {kind}.union(*(_descendants(child) for child in kind.__subclasses__()))


def test_the_catalogue_has_exactly_the_problems_that_are_raised() -> None:
    assert _raised() | {"internal_error"} == set(PROBLEMS)


def test_the_documented_problems_equal_the_catalogue() -> None:
    rows: dict[str, tuple[int, str]] = {}
    for codes, status, advice in re.findall(
        r"^\| (`.*?) \| (\d+) \| (.*) \|$", (ROOT / "docs/api.md").read_text(), re.MULTILINE
    ):
        rows |= {code: (int(status), advice) for code in re.findall(r"`([a-z_]+)`", codes)}
    assert rows == {code: (problem.status, problem.advice) for code, problem in PROBLEMS.items()}


def test_every_request_is_documented() -> None:
    document = (ROOT / "docs/api.md").read_text()
    for path, operations in ROUTES.items():
        for method in operations:
            assert f"| `{method} {path}" in document, path
    for parameter in (
        *queries.POINT_IN_TIME,
        *queries.PAGE,
        *queries.ACCOUNT_PAGE,
        *queries.ORDERS,
    ):
        assert re.search(rf"\b{parameter}\b", document), parameter


def test_every_make_target_named_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-zA-Z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")):
        named = set(re.findall(r"`make ([a-z-]+)", document.read_text()))
        assert named <= targets, document


def test_every_link_between_documents_has_a_target() -> None:
    for document in (ROOT / "README.md", ROOT / "SECURITY.md", *ROOT.glob("docs/**/*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_the_licence_file_is_the_declared_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [file] = project["license-files"]
    assert (ROOT / file).read_text().startswith(f"{project['license']} License\n")


def test_tables_and_blocks_are_not_joined_with_prose() -> None:
    """An editor that wraps prose can join them."""
    for document in (ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")):
        for number, line in enumerate(document.read_text().splitlines(), 1):
            assert not re.search(r"\S.*```|```.* ", line), f"{document.name}:{number}"
            assert not re.search(r"\|---.*\| \|", line), f"{document.name}:{number}"
