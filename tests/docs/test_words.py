"""One word per thing, in code and text alike: words that this project does not use, each with its replacement.

docs/glossary.md defines the words that it does use. Every text file that git knows is checked, and its name too.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXEMPT = {
    "CHANGELOG.md": "it quotes earlier words",
    "tests/docs/test_words.py": "the list itself",
}
ALLOWED = {
    ("account_events/consumer/dynamodb_positions.py", "has Held (M"): "the attribute of stored items",
    ("account_events/consumer/dynamodb_positions.py", '"Held"'): "the attribute of stored items",
    ("consumers/owners/report.py", '"Held"'): "the metric",
    ("template.yaml", '"Held"'): "the metric",
    ("tools/dashboard/stream_stages.py", '"Held"'): "the metric",
}
"""Phrases with a banned word that one file needs."""


def word(*forms: str) -> str:
    """A pattern for a word in any case, alone or as a part of an identifier, but not within another word.

    It is matched to text in which `parted` separates the parts of identifiers by underscores.
    """
    return rf"(?<![a-z])(?:{'|'.join(forms)})(?![a-z])"


EVERYWHERE: dict[tuple[str, ...], str] = {
    ("houses?", "at[ _]home"): "local stack, locally (class LocalDeployment)",
    ("stand[-_ ]?ins?",): "fake (ours), emulator (others')",
    ("rooms?",): "package or layer; space",
    ("tellers?",): "API test user",
    ("desks?", "errands?", "(?-i:Banks?|BANKS?)"): "Deployment, ReplayRun",
    ("(?:check|error)_places?", "places(?!=\\d)"): "output paths, object prefixes",  # places=2 is Hypothesis's
    ("class (?:\\w+_)?pass(?:es)?", "(?-i:PASS(?:ES)?)"): "PollCycle, PollLoop",
    ("endings",): "exit handling",
    ("beside",): "concurrently; next to",
    ("lin(?:e|es|ed|ing)[_ ]up", "class lines?"): "resequence",
    ("waves?",): "send round",
    (
        "has_looked",
        "(?-i:Looked)(?! up)",
        "look(?:s|ed|ing)?[_ ]at[_ ](?:the[_ ])?(?:parked|accounts?)",
    ): "queried, listed",
    ("decades?",): "snapshot interval",
    ("(?:lost|loses?|losing|won)[_ ](?:an?[_ ]|the[_ ])?races?", "winners?"): "version conflict, competing event",
    ("(?-i:Overtaken|OVERTAKEN)",): "StaleRevision",
    ("hold_full",): "BufferFull",
    ("set(?:s|ting)?[_ ]aside", "gives_up"): "dead-letter callback, buffer_failures",
    ("told", "tells?(?!\\(\\))", "telling", "says", "said", "saying"): "reports, returns, logs, emits; states",
    ("mend(?:s|ed|ing)?", "anew"): "repair, again",
    ("(?:un)?sounds?",): "intact, agrees",
    ("verdicts?",): "reconciliation result",
    ("story", "stories", "fates?", "judg(?:es?|ed|ing|e?ments?)"): "scenario, fault plan, oracle",
    ("rolls?",): "jitter",
    ("is due", "are due"): "is expected; must be",
    ("class orders?",): "ReplayRequest",
}
BUFFERED: dict[tuple[str, ...], str] = {
    ("held(?![-_ ](?:back|through))", "holds?", "early"): "buffered, out-of-order",
    ("gives?[_ ]up", "gave[_ ]up", "given[_ ]up", "giving[_ ]up"): "dead-letter callback, buffer_failures",
}
TARGETS: dict[tuple[str, ...], str] = {("aim(?:s|ed|ing)?", "times[_ ]less", "usual"): "target, ratio, baseline"}
BY_FOLDER: dict[str, dict[tuple[str, ...], str]] = {
    "account_events/consumer/": BUFFERED,
    "consumers/owners/": BUFFERED,
    "docs/consuming.md": BUFFERED,
    "tests/unit/consumer/": BUFFERED,
    "benchmarks/": TARGETS,
    "docs/performance.md": TARGETS,
    "tests/simulation/": {("books?",): "fixtures"},
}
ANY = re.compile(word(*(form for forms in EVERYWHERE for form in forms)), re.IGNORECASE)
"""Finds the files that may have a banned word in one pass, because most files have none."""
WITHIN_IDENTIFIERS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def parted(text: str) -> str:
    """The text with underscores at case boundaries: `housePort` becomes `house_Port`, `HTTPRoom` `HTTP_Room`."""
    return WITHIN_IDENTIFIERS.sub("_", text)


def found_in(name: str, text: str) -> list[str]:
    for file, phrase in ALLOWED:
        if file == name:
            text = text.replace(phrase, "")
    text = parted(f"{name}\n{text}")  # the name is line 0
    bans = dict(EVERYWHERE) if ANY.search(text) else {}
    for prefix, more in BY_FOLDER.items():
        if name.startswith(prefix):
            bans |= more
    return [
        f"{name}:{text.count(chr(10), 0, match.start())}: {match.group()!r}: {replacement}"
        for forms, replacement in bans.items()
        for match in re.finditer(word(*forms), text, re.IGNORECASE)
    ]


def texts() -> Iterator[tuple[str, str]]:
    """The name and the text of each file that git tracks or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603
    for name in sorted(set(listed.split("\0")) - {""}):
        path = ROOT / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            yield name, content.decode()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git lists the files, and this is no checkout")
def test_no_banned_word_is_used() -> None:
    checked = {name: text for name, text in texts() if name not in EXEMPT}
    assert {".ci/run", "LICENSE", "requirements/dev.in", "schemas/AccountCreated.avsc"} <= checked.keys()
    found = [line for name, text in checked.items() for line in found_in(name, text)]
    assert not found, "\n".join(found)


def test_every_exemption_is_needed() -> None:
    assert [name for name in EXEMPT if not found_in(name, (ROOT / name).read_text(encoding="utf-8"))] == []
    assert [(name, phrase) for name, phrase in ALLOWED if phrase not in (ROOT / name).read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements/dev.in", "# The local house and the operator's tools."),
        (".ci/run", "its queries at home"),
        ("ops/x.py", "HOUSE_GRACE_S = 1"),
        ("local_stack/x.py", "class LocalHouse:"),
        ("local_stack/X.java", "int housePort = 1;"),
        ("local_stack/house.py", ""),
        ("local_stack/x.py", "class StandIn:"),
        ("local_stack/x.py", "class FirehoseStandIn:"),
        ("local_stack/x.py", "class TellerClient:"),
        ("consumers/x.py", "class OvertakenError(Exception):"),
        ("ops/x.py", "class RunErrand:"),
        ("ops/x.py", "class Order:"),
        ("projector/x.py", "class Line:"),
        ("projector/x.py", "they line up behind the first"),
        ("projector/x.py", "WAVE_MAX = 3"),
        ("projector/x.py", "BESIDE = 3"),
        ("projector/x.py", "look at the parked accounts"),
        ("local_stack/x.py", "class LocalPass:"),
        ("local_stack/x.py", "PASSES = 3"),
        ("account_core/x.py", "DECADE = 10"),
        ("account_core/x.py", "a writer that loses the race"),
        ("account_events/x.py", "the callback sets aside the record"),
        ("account_events/consumer/x.py", "the inbox gave up"),
        ("account_events/consumer/x.py", "events that came early"),
        ("consumers/owners/x.py", "events that are held"),
        ("tests/x.py", "def test_a_failure_is_told_in_a_line() -> None:"),
        ("docs/x.md", "What is missing is TOLD"),
        ("benchmarks/x.py", "AIM_MS = 3"),
        ("tests/simulation/x.py", "class Book:"),
    ],
)
def test_a_banned_word_is_found(name: str, text: str) -> None:
    assert found_in(name, text)


@pytest.mark.parametrize(
    "text",
    [
        "the history",
        "a warehouse",
        "fortold",
        "bookkeeping",
        "essays",
        "held back",
        "class Reordered",
        "a pipeline upgrade",
    ],
)
def test_other_words_are_left_alone(text: str) -> None:
    assert found_in("account_events/consumer/x.py", text) == []
