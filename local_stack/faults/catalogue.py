"""The faults: what each does, what to watch, and what repairs the damage that remains after it has ended. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local_stack.faults.errors import UnknownFault

ACCOUNT, SHARE, SEED, SHARD, ROW = "account", "share", "seed", "shard", "row"
"""Names of settings. SHARD and ROW are results: they state what a fault has chosen."""
KINESIS_FAULTS = frozenset({"throttled-shard", "refused-entries", "lost-answers"})
"""The faults with which the projector sends its records to a proxy."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that can begin.

    Attributes:
        name: its stable name.
        title: its name in a heading.
        what: what it does, a sentence.
        watch: what to watch, a sentence.
        repair: the commands that repair what it broke, after it has ended, with `ACCOUNT` for the account that it was
            about; empty if nothing is left to repair.
        runbook: the anchor of the entry in docs/runbook.md.
        is_momentary: it happens once, so it cannot be ended.
        settings: the names of the settings that it accepts.
        conflicts: the faults that must be off when it begins, because otherwise it would have no effect.
    """

    name: str
    title: str
    what: str
    watch: str
    repair: str
    runbook: str
    is_momentary: bool = False
    settings: Sequence[str] = ()
    conflicts: Sequence[str] = ()


_FAULTS = (
    Fault(
        "throttled-shard",
        "Throttled shard",
        "Kinesis refuses every record for one shard of the event stream: the account's, or one that the seed chooses.",
        "Events for this shard wait, later rows wait behind them, and then each account's events arrive in order.",
        "",
        "eventstreamthrottled",
        settings=(ACCOUNT, SEED),
    ),
    Fault(
        "refused-entries",
        "Refused entries",
        "Kinesis refuses a share of the records in each PutRecords request, chosen by the seed.",
        "The projector sends the refused records again, and each account's events still arrive in order.",
        "",
        "eventstreamthrottled",
        settings=(SHARE, SEED),
    ),
    Fault(
        "lost-answers",
        "Lost answers",
        "Kinesis stores the records of a share of the PutRecords requests, but its answer is lost.",
        "The projector sends these records again: events arrive twice, and consumers drop the repetition.",
        "",
        "projectorisbehind",
        settings=(SHARE, SEED),
    ),
    Fault(
        "poison-row",
        "Poison row",
        "An account gets a row of a type that the projector does not know. Ending it corrects the row.",
        "The account is parked and its commands fail, while all other accounts go on.",
        "account-events release ACCOUNT",
        "projectorparks",
        settings=(ACCOUNT,),
    ),
    Fault(
        "killed-projector",
        "Killed projector",
        "The projector's process is killed, in the middle of a batch if it has one.",
        "Lambda delivers the batch again to a new process: nothing is lost, and what was already sent is sent again.",
        "",
        "projectorfails",
        is_momentary=True,
        conflicts=("stopped-projector-mapping",),
    ),
    Fault(
        "stopped-projector-mapping",
        "Stopped projector",
        "The event source mapping from the table to the projector stops.",
        "Commands still succeed, but no event is published; afterwards all of them arrive in order.",
        "",
        "projectorstopped",
    ),
    Fault(
        "stopped-reader-mapping",
        "Stopped read model",
        "The event source mapping from the event stream to the accounts by owner stops.",
        "Events still arrive on the stream, but the lists of accounts by owner keep their old balances.",
        "",
        "accountsbyownerstopped",
    ),
    Fault(
        "stopped-lake",
        "Stopped lake",
        "The delivery from the event stream to the lake stops.",
        "Events still arrive on the stream, but not in the lake; afterwards all of them arrive there.",
        "",
        "lakestopped",
    ),
    Fault(
        "filled-failure-bucket",
        "Filled failure bucket",
        "An account is credited with 1.00, the projector fails, and Lambda gives the batch up after one attempt.",
        "The failure bucket has an object, and the account's event is missing on the stream.",
        "account-events release --failures",
        "projectorgaveup",
        is_momentary=True,
        settings=(ACCOUNT,),
        conflicts=("stopped-projector-mapping", "throttled-shard", "refused-entries", "lost-answers"),
    ),
)
FAULTS: Mapping[str, Fault] = {each.name: each for each in _FAULTS}
"""The faults by name."""


def fault(name: str) -> Fault:
    """The fault of this name.

    Raises:
        UnknownFault: there is none.
    """
    if name not in FAULTS:
        raise UnknownFault(f"There is no fault {name!r}.", f"Use one of: {', '.join(FAULTS)}.")
    return FAULTS[name]
