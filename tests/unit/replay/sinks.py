"""In-memory sinks, and runs that are killed and resumed."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ops.replay.engine import ReplayResult, new_state, replay
from ops.replay.selection import Everything, Selection
from ops.replay.source import Part
from ops.replay.state import State, from_json, to_json
from projector.outgoing import Outgoing
from tests.support.memory_source import MemorySource


class Killed(BaseException):
    """Ends a run like SIGKILL."""


@dataclass
class Kills:
    """Counts the steps of each run and kills it at a given step; the next run uses the next entry."""

    at: list[int] = field(default_factory=list)
    _step: int = 0

    def step(self) -> bool:
        """Whether the run is killed here."""
        self._step += 1
        if self.at and self._step >= self.at[0]:
            self.at.pop(0)
            self._step = 0
            return True
        return False

    def __call__(self, *_: object) -> None:
        if self.step():
            raise Killed


@dataclass
class MemorySink:
    """A stream, or with `is_file` a file, which is truncated where a resumed run begins."""

    kills: Kills = field(default_factory=Kills)
    is_file: bool = False
    events: list[Outgoing] = field(default_factory=list)

    def write(self, events: Sequence[Outgoing]) -> int:
        if self.kills.step():
            self.events += events[: len(events) // 2]
            raise Killed
        self.events += events
        self.kills()
        return len(events)

    def flush(self) -> int | None:
        self.kills()
        return len(self.events) if self.is_file else None

    def of(self, account_id: str) -> list[int]:
        return [event.sequence for event in self.events if event.account_id == account_id]


@dataclass
class Disk:
    """Stores the checkpoint."""

    kills: Kills = field(default_factory=Kills)
    text: str | None = None

    def save(self, state: State) -> None:
        self.kills()
        self.text = json.dumps(to_json(state, {}))
        self.kills()

    def load(self) -> State | None:
        return None if self.text is None else from_json(json.loads(self.text), {})


def run_to_the_end(
    source: MemorySource,
    sink: MemorySink,
    kills: Kills,
    *,
    selection: Selection | None = None,
    segments: int = 3,
    on_read: Callable[[Part], None] = lambda _part: None,
) -> ReplayResult:
    """Runs a replay, and after each kill resumes it from its checkpoint."""
    disk = Disk(kills)
    selection = selection or Everything()

    def read(part: Part) -> None:
        kills()
        on_read(part)

    source.on_read = read
    while True:
        state = disk.load()
        if sink.is_file:
            del sink.events[(state.position or 0) if state else 0 :]
        try:
            return replay(
                source,
                selection,
                sink,
                segments=segments,
                state=state or new_state(selection, segments),
                save=disk.save,
            )
        except Killed:
            continue
