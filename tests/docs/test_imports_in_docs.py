"""Names of the public package in the documents, in code and in prose, can be imported from where the text states."""

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
DOTTED = re.compile(r"\baccount_events(?:\.\w+)+")
STATEMENT = re.compile(r"\bfrom (account_events[\w.]*) import (\([^)]*\)|[\w, ]+)")
SENTENCE = re.compile(r"((?:`\w+`,?\s+(?:and\s+)?)+)from\s+`(account_events[\w.]*)`")


def named(text: str) -> set[str]:
    """The dotted names that the text mentions, imports, or names as `A` and `B` from `module`."""
    pairs = [*STATEMENT.findall(text), *((module, names) for names, module in SENTENCE.findall(text))]
    imported = {
        f"{module}.{name}"
        for module, names in pairs
        for name in re.findall(r"\w+", re.sub(r" as \w+|\band\b", "", names))
    }
    return imported | set(DOTTED.findall(text))


def exists(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (AttributeError, ImportError):
        return False
    return True


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_name_can_be_imported_from_where_the_text_states(path: Path) -> None:
    if path.name == "CHANGELOG.md":
        pytest.skip("it quotes earlier names")
    assert [name for name in sorted(named(path.read_text(encoding="utf-8"))) if not exists(name)] == []


@pytest.mark.parametrize(
    "text",
    [
        "Import `Unavailable`, `CorruptAggregate` and `Refused` from\n`account_events.consumer.errors`.",
        "`from account_events.consumer.errors import CorruptAggregate`",
        "from account_events.consumer.errors import (\n    Unavailable,\n    CorruptAggregate,\n)",
        "`account_events.consumer.errors.CorruptAggregate`",
    ],
)
def test_a_name_from_the_wrong_module_is_found(text: str) -> None:
    wrong = [name for name in named(text) if not exists(name)]
    assert wrong == ["account_events.consumer.errors.CorruptAggregate"]
    assert hasattr(import_module("account_events.avro.errors"), "CorruptAggregate")
