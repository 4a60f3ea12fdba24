"""A finding of `doctor`. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a stack.

    Attributes:
        kind: the stable name of this kind of finding, for example `mapping-disabled`.
        where: the resource, account or file that is concerned.
        what: what is wrong, one sentence.
        why: why it matters, one sentence.
        repair: the command that repairs it, or the first of several in the runbook entry.
        runbook: the entry in docs/runbook.md, as its anchor.
    """

    kind: str
    where: str
    what: str
    why: str
    repair: str
    runbook: str
