"""One word per thing, in code and text alike: words that this project does not use, each with its replacement.

docs/glossary.md defines the words that it does use. CHANGELOG.md is not checked, because it quotes earlier words.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUFFIXES = {".css", ".j2", ".md", ".py", ".sql", ".toml", ".yaml"}
FILES = ("Makefile", "README.md", "CONTRIBUTING.md", "SECURITY.md", "template.yaml", "pyproject.toml")
FOLDERS = (
    *("account_core", "account_events", "benchmarks", "consumers", "docs", "local_stack", "ops", "projector"),
    *("requirements", "tests", "tools"),
)
EXEMPT = {"tests/docs/test_words.py": "the list itself"}


def word(*forms: str) -> str:
    """A pattern for a word, alone or as a part of an identifier between underscores, but not within another word."""
    return rf"(?<![A-Za-z])(?:{'|'.join(forms)})(?![A-Za-z])"


EVERYWHERE = {
    word("[Hh]ouses?", "HOUSE", "at home"): "local stack, locally (class LocalDeployment)",
    word("[Ss]tand[-_ ]ins?"): "fake (ours), emulator (others')",
    word("[Rr]ooms?", "ROOMS?"): "package or layer; space",
    word("[Tt]ellers?"): "API test user",
    word("Desk", "Bank", "Errand"): "Deployment, ReplayRun",
    r"\b(?:check_place|error_place|_?places)\b(?!=\d)": "output paths, object prefixes",  # places=2 is Hypothesis's
    r"\bclass (?:Pass|Passes)\b": "PollCycle, PollLoop",
    word("endings"): "exit handling",
    word("[Bb]eside"): "concurrently; next to",
    word("line_up", "lined up"): "resequence",
    word("waves?"): "send round",
    word("has_looked", "Looked"): "queried, listed",
    word("[Dd]ecades?"): "snapshot interval",
    word("lost races?", "LostRace", "[Ww]inners?"): "version conflict, competing event",
    word("Overtaken", "OVERTAKEN"): "StaleRevision",
    word("HoldFull"): "BufferFull",
    word("set_aside", "set aside", "gives_up"): "dead-letter callback, buffer_failures",
    word("[Tt]old", "[Tt]ells?(?!\\(\\))", "[Ss]ays"): "reports, returns, logs, emits; states",
    word("[Mm]end(?:s|ed|ing)?", "anew"): "repair, again",
    word("[Uu]?n?[Ss]ound"): "intact, agrees",
    word("[Vv]erdicts?", "VERDICTS?"): "reconciliation result",
    word("[Ss]tory", "[Ss]tories", "[Ff]ates?", "[Jj]udg(?:e|es|ed|ing)"): "scenario, fault plan, oracle",
    word("roll"): "jitter",
    word("[Ii]s due", "[Aa]re due"): "is expected; must be",
}
BY_FOLDER = {
    "account_events/consumer": {
        word("held", "holds?", "early"): "buffered, out-of-order",
    },
    "benchmarks": {word("[Aa]im(?:s|ed)?", "times less", "[Uu]sual"): "target, ratio, baseline"},
    "docs/consuming.md": {word("[Hh]eld", "early"): "buffered, out-of-order"},
    "docs/performance.md": {word("[Aa]im(?:s|ed)?", "times less", "[Uu]sual"): "target, ratio, baseline"},
    "ops/replay": {r"\bclass Order\b": "ReplayRequest"},
    "tests/simulation": {word("book"): "fixtures"},
}


def texts() -> Iterator[Path]:
    yield from (ROOT / name for name in FILES if (ROOT / name).exists())
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in SUFFIXES and path.is_file() and name not in EXEMPT:
                yield path


ANY = re.compile("|".join(EVERYWHERE))
"""Finds the files that may have a banned word in one pass, because most files have none."""


def found_in(name: str, text: str) -> list[str]:
    bans = dict(EVERYWHERE) if ANY.search(text) else {}
    for prefix, more in BY_FOLDER.items():
        if name.startswith(prefix):
            bans |= more
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()!r}: {replacement}"
        for pattern, replacement in bans.items()
        for match in re.finditer(pattern, text)
    ]


@pytest.mark.parametrize("folder", [*FOLDERS, "files at the top"])
def test_no_banned_word_is_used(folder: str) -> None:
    found: list[str] = []
    for path in texts():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(f"{folder}/") or (folder == "files at the top" and "/" not in name):
            found += found_in(f"{name}", path.read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ops/x.py", "the house stands"),
        ("ops/x.py", "HOUSE_GRACE_S = 1"),
        ("tests/x.py", "def test_a_failure_is_told_in_a_line() -> None:"),
        ("docs/x.md", "What is missing is told"),
        ("account_events/consumer/x.py", "events that came early"),
    ],
)
def test_a_banned_word_is_found(name: str, text: str) -> None:
    assert found_in(name, text)


@pytest.mark.parametrize("text", ["the history", "a warehouse", "fortold", '"Held"', "bookkeeping", "essays"])
def test_other_words_are_left_alone(text: str) -> None:
    assert found_in("account_events/consumer/x.py", text) == []
