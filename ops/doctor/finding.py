"""Findings of `doctor`, and their kinds. Pure."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ops.terminal import counted


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a stack.

    Attributes:
        kind: the stable name of this kind of finding, for example `mapping-disabled`.
        where: the resource, account or file that is concerned.
        what: what is wrong.
        why: why it matters.
        repair: the command that repairs it, or the first of several in the runbook entry. Empty if it depends on the
            cause.
        runbook: the entry in docs/runbook.md, as its anchor.
        look: the command that shows the cause, if `repair` is empty.
    """

    kind: str
    where: str
    what: str
    why: str
    repair: str
    runbook: str
    look: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding. The attributes are those of its findings."""

    name: str
    why: str
    runbook: str

    def at(self, where: str, what: str, repair: str, *, why: str = "", runbook: str = "") -> Finding:
        """A finding of this kind, with its own reason or runbook entry if they are given."""
        return Finding(self.name, where, what, why or self.why, repair, runbook or self.runbook)

    def without_repair(self, where: str, what: str, look: str, *, why: str = "", runbook: str = "") -> Finding:
        """A finding of this kind whose repair depends on the cause, with the command that shows the cause."""
        return Finding(self.name, where, what, why or self.why, "", runbook or self.runbook, look)


INCOMPLETE = Kind("check-incomplete", "What it would have found is unknown.", "check-incomplete")


def quoted(value: object) -> str:
    """An argument of a command, quoted for the shell: text as it is, any other value as JSON."""
    return shlex.quote(value if isinstance(value, str) else json.dumps(value))


def arguments(values: Sequence[str]) -> str:
    """Arguments of a command, at most IN_COMMAND_MAX of them."""
    return " ".join(map(quoted, values[:IN_COMMAND_MAX]))


NAMED_MAX = 3
IN_COMMAND_MAX = 40
"""Accounts that a command names. The next run of `doctor` names others."""


def named(names: Sequence[str]) -> str:
    """The first of these names, and the number of the others."""
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def number_of(found: Sequence[object], one: str, most: int) -> str:
    """The number of things found, of which at most so many are counted, with their noun: see `counted`."""
    return f"{'At least ' if len(found) >= most else ''}{counted(len(found), one)}"


def verb(found: Sequence[object], one: str, more: str) -> str:
    """The verb of a sentence about the things found: `one` if it is one thing, otherwise `more`."""
    return one if len(found) == 1 else more


def left_out(accounts: Sequence[str]) -> str:
    """A sentence about the accounts that the command leaves out; empty if it names all of them."""
    more = len(accounts) - IN_COMMAND_MAX
    if more <= 0:
        return ""
    return f" The command names the first {IN_COMMAND_MAX}. Run doctor again afterwards for the other {more}."
