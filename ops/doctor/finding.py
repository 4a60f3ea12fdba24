"""Findings of `doctor`, and their kinds. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a stack.

    Attributes:
        kind: the stable name of this kind of finding, for example `mapping-disabled`.
        where: the resource, account or file that is concerned.
        what: what is wrong.
        why: why it matters.
        repair: the command that repairs it, or the first of several in the runbook entry.
        runbook: the entry in docs/runbook.md, as its anchor.
    """

    kind: str
    where: str
    what: str
    why: str
    repair: str
    runbook: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding. The attributes are those of its findings."""

    name: str
    why: str
    runbook: str

    def at(self, where: str, what: str, repair: str, *, why: str = "", runbook: str = "") -> Finding:
        """A finding of this kind, with its own reason or runbook entry if they are given."""
        return Finding(self.name, where, what, why or self.why, repair, runbook or self.runbook)


NAMED_MAX = 3


def named(names: list[str]) -> str:
    """The first of these names, and the number of the others."""
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
