"""How far a replay is, and its checkpoint: that in JSON, with what was asked for, so that no other run goes on from it.

What grows: a cursor for each account that is stopped or came out of turn, of which there are few; no more than
`KNOWN_MAX` are kept, and the run ends with a word about it where there are more.
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
    """What has been done.

    Attributes:
        accounts: of which there was an event.
        data_bytes: of the events, as a consumer gets them.
        put_units: Kinesis', of 25 KB.
    """

    accounts: int = 0
    events: int = 0
    rows: int = 0
    data_bytes: int = 0
    put_units: int = 0
    read_units: float = 0.0


@dataclass(slots=True)
class PartState:
    """Of one part of the table.

    Attributes:
        after: the key its next page begins behind.
        open: the account whose rows are coming: a page may end in the middle of one.
    """

    after: Item | None = None
    is_done: bool = False
    open: Cursor | None = None


@dataclass(slots=True)
class State:
    """Of the whole run, true between two pages.

    Attributes:
        parts: by name.
        known: by account; those that are remembered when their part has gone on to others.
        position: the sink's, up to which all is safely out.
    """

    parts: dict[str, PartState]
    known: dict[str, Cursor] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    position: int | None = None

    def stopped(self) -> list[Stopped]:
        return [cursor.stopped for cursor in self.known.values() if cursor.stopped is not None]


def to_json(state: State, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Args: asked: what the run is to do, in JSON; a resumed run has to ask for the same."""
    return {"format": FORMAT, "asked": dict(asked), **asdict(state)}


def is_checkpoint(saved: object) -> bool:
    """Whether it is one of some run, which may be another one or damaged."""
    return isinstance(saved, dict) and {"format", "asked", "parts"} <= saved.keys()


def from_json(saved: object, asked: Mapping[str, Any]) -> State:
    """The state to go on from.

    Raises:
        NotResumable: it is none, or of a run that was asked for something else.
    """
    try:
        return _state(saved, asked)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotResumable(
            f"The checkpoint cannot be read ({type(error).__name__}): delete it and the output, and begin anew."
        ) from error


def _state(saved: Any, asked: Mapping[str, Any]) -> State:  # noqa: ANN401 -- whatever the file holds
    if saved["format"] != FORMAT:
        raise NotResumable(f"The checkpoint has format {saved['format']}, not {FORMAT}: begin anew.")
    differs = sorted(name for name in {*asked, *saved["asked"]} if asked.get(name) != saved["asked"].get(name))
    if differs:
        raise NotResumable(
            f"The checkpoint is of another run, with a different {', '.join(differs)}: call it as before."
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
