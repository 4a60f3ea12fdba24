"""A replay's progress, and its checkpoint: the progress in JSON, with the request that it belongs to.

The state keeps a cursor for each account that stopped early or was read out of order. Such accounts are rare: if there
are more than `KNOWN_MAX`, the run ends with an error.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ops.replay.cursor import Cursor, Stopped
from ops.replay.errors import NotResumable
from ops.replay.source import Item

FORMAT = 2
KNOWN_MAX = 10_000


@dataclass(slots=True)
class Counts:
    """Totals of the run so far.

    Attributes:
        accounts: the number of accounts with at least one replayed event.
        data_bytes: the size of the events, as a consumer receives them.
        put_units: PUT units of Kinesis, 25 KB each.
    """

    accounts: int = 0
    events: int = 0
    rows: int = 0
    data_bytes: int = 0
    put_units: int = 0
    read_units: float = 0.0


@dataclass(slots=True)
class PartState:
    """The progress of one part of the table.

    Attributes:
        after: the key after which its next page begins.
        open: the account that is being read: a page may end in the middle of an account.
    """

    after: Item | None = None
    is_done: bool = False
    open: Cursor | None = None


@dataclass(slots=True)
class State:
    """The progress of the whole run, consistent between two pages.

    Attributes:
        parts: the parts' progress by name.
        known: cursors by account id, kept after their part has moved on to other accounts.
        position: the sink's position; everything before it is durable.
    """

    parts: dict[str, PartState]
    known: dict[str, Cursor] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    position: int | None = None

    def stopped(self) -> list[Stopped]:
        return [cursor.stopped for cursor in self.known.values() if cursor.stopped is not None]


def to_json(state: State, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The checkpoint in JSON.

    Args:
        state: the progress.
        asked: the request in JSON; a resumed run must have the same.
    """
    return {"format": FORMAT, "asked": dict(asked), **asdict(state)}


def is_checkpoint(saved: object) -> bool:
    """Whether this is a checkpoint at all, even a damaged one or that of another run."""
    return isinstance(saved, dict) and {"format", "asked", "parts"} <= saved.keys()


def from_json(saved: object, asked: Mapping[str, Any]) -> State:
    """The state to continue from.

    Raises:
        NotResumable: the checkpoint is damaged, or belongs to a different request.
    """
    try:
        return _state(saved, asked)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotResumable(
            f"The checkpoint is damaged ({type(error).__name__}): delete it and the output, then start a new run."
        ) from error


def _state(saved: Any, asked: Mapping[str, Any]) -> State:  # noqa: ANN401 -- JSON
    if saved["format"] != FORMAT:
        raise NotResumable(f"The checkpoint has format {saved['format']}, not {FORMAT}: delete it and start a new run.")
    differs = sorted(name for name in {*asked, *saved["asked"]} if asked.get(name) != saved["asked"].get(name))
    if differs:
        raise NotResumable(
            f"The checkpoint belongs to a run with a different {', '.join(differs)}: repeat the original command."
        )
    return State(
        {name: _part(**part) for name, part in saved["parts"].items()},
        {account_id: _cursor(**cursor) for account_id, cursor in saved["known"].items()},
        Counts(**saved["counts"]),
        None if saved["position"] is None else int(saved["position"]),
    )


def _part(after: Item | None, is_done: bool, open: Any) -> PartState:  # noqa: ANN401, A002, FBT001 -- as saved
    return PartState(after, is_done, None if open is None else _cursor(**open))


def _cursor(stopped: Mapping[str, Any] | None, **saved: Any) -> Cursor:  # noqa: ANN401 -- as saved
    return Cursor(**saved, stopped=None if stopped is None else Stopped(**stopped))
