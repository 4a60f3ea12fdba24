"""The entries of docs/runbook.md."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

PARTS = ("What it means", "How bad it is", "How to look", "How to repair", "It is over when")
SEVERITIES = ("Urgent", "Today", "Next working day")
FINDINGS, PROCEDURES = "Findings of doctor", "Procedures"
"""The sections without alarms."""
_PART = re.compile(r"^\*\*(.+?)\*\*", re.MULTILINE)
_CODE = re.compile(r"^ *```\n(.*?)^ *```$|`([^`]+)`", re.MULTILINE | re.DOTALL)
_COMMANDS = ("account-events ", "aws ", "git ", "sam ")


@dataclass(frozen=True)
class Entry:
    """The entry for an alarm or a kind of finding: its parts in order, each with its label and its text."""

    name: str
    section: str
    parts: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(label for label, _ in self.parts)

    def __getitem__(self, label: str) -> str:
        return dict(self.parts)[label]


def entries(document: str) -> list[Entry]:
    """The entries in order: each `###` heading of every section but the procedures'."""
    return [
        Entry(name, section, _parts(body))
        for section, text in headed(document, "##")
        if section != PROCEDURES
        for name, body in headed(text, "###")
    ]


def anchors(document: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def functions(document: str) -> set[str]:
    """The shell functions that the document defines."""
    return set(re.findall(r"^(\w+)\(\) \{$", document, re.MULTILINE))


def code(text: str) -> list[str]:
    """The lines of code blocks, with continued lines joined, and the code in the prose, in order."""
    found: list[str] = []
    for block, span in _CODE.findall(text):
        found += re.sub(r" *\\\n *", " ", block).splitlines() if block else [" ".join(span.split())]
    return [line.strip() for line in found if line.strip()]


def commands(text: str, of: set[str]) -> list[str]:
    """The commands in the text: those of programs, and calls of these shell functions."""
    return [line for line in code(text) if line.startswith(_COMMANDS) or line.split()[0] in of]


def scripts(text: str, of: set[str]) -> list[str]:
    """What an operator pastes, in order: each code block, and each complete command in the prose."""
    found = []
    for block, span in _CODE.findall(text):
        if block:
            found.append(textwrap.dedent(block))
        elif _is_complete(command := " ".join(span.split()), of):
            found.append(command)
    return list(dict.fromkeys(found))


def preparation(document: str) -> str:
    """The code that an operator pastes once."""
    text = dict(headed(document, "##"))["Preparation"]
    return next(str(block) for block, _ in _CODE.findall(text) if block)


def procedures(document: str) -> dict[str, str]:
    """The texts of the procedures by heading."""
    return dict(headed(dict(headed(document, "##"))[PROCEDURES], "###"))


def _is_complete(command: str, of: set[str]) -> bool:
    """Whether it can be run as it is: prose may name a command without its options."""
    program, _, rest = command.partition(" ")
    return bool(rest) and (program in of or (command.startswith(_COMMANDS) and (" --" in rest or "$(" in rest)))


def headed(text: str, mark: str) -> Iterator[tuple[str, str]]:
    """The headings with this mark, each with the text below it."""
    parts = re.split(rf"^{mark} (.+)$", text, flags=re.MULTILINE)
    return zip(parts[1::2], parts[2::2], strict=True)


def _parts(body: str) -> tuple[tuple[str, str], ...]:
    found = _PART.split(body)
    labels = [label.removesuffix(".") for label in found[1::2]]
    return tuple(zip(labels, (text.strip() for text in found[2::2]), strict=True))
