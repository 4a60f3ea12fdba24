"""Everything that a seed determines: which faults occur, how often, and when delayed actions take effect."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from account_events.testing.clock import VirtualClock

CHANCES: Mapping[str, float] = {
    # Lambda, at every request of the function, or once for each delivery.
    "crashed": 0.01,
    "killed": 0.01,
    "restarted": 0.3,
    "not invoked": 0.1,
    "little time": 0.2,
    # Kinesis, for every call, or for each of its records.
    "call throttled": 0.2,
    "call timed out": 0.2,
    "answer lost": 0.3,
    "call late": 0.2,
    "call slow": 0.2,
    "record refused": 0.3,
    "event refused for good": 0.05,
    "bucket refused for a while": 0.05,
    "stream down for a while": 0.01,
    "kinesis resharded": 0.4,
    # DynamoDB, for every request.
    "list failed": 0.2,
    "read failed": 0.4,
    "keys unprocessed": 0.3,
    **{
        f"{write} {how}": 0.6
        for write in ("park", "hold", "advance", "release")
        for how in ("failed", "unsure", "late")
    },
    # The event source mapping and the table's stream, at every step.
    "rewound": 0.3,
    "shard split": 0.3,
    "a day passed": 0.1,
    "record late": 0.3,
    "transaction swapped": 0.3,
    # Rows, for every row written, or at every step.
    "poison": 0.2,
    "row spoilt": 0.4,
    "row vanished": 0.2,
    # The operator, at every request of the function, once for each step of a job, or once for each account.
    "operator acted meanwhile": 0.4,
    "operator gave up": 0.05,
    "account abandoned": 0.2,
}
"""The maximum probability of each fault. A scenario scales them all down and leaves out about half of the faults."""

THEMES: tuple[tuple[str, ...], ...] = (
    (),
    (),
    ("poison", "operator acted meanwhile"),
    ("poison", "operator acted meanwhile", "park late", "hold late", "little time"),
    ("poison", "operator acted meanwhile", "bucket refused for a while"),
    ("poison", "park late", "rewound"),
    ("poison", "park late", "rewound", "killed"),
    ("poison", "operator acted meanwhile", "rewound", "a day passed"),
    ("record late", "transaction swapped", "restarted"),
)
"""Faults that occur at their maximum probability: some bugs need several faults at once."""

CATCH_UP_CHANCE = 0.15
"""The probability that one more delayed action is performed at a request or a step."""


class Crashed(Exception):
    """The function raised an error; its execution environment continues."""


class Killed(BaseException):
    """The execution environment ended in the middle of its work."""


class FaultPlan:
    """A scenario's faults.

    Args:
        seed: determines everything.
        chances: the maximum probability of each fault.
        themes: see THEMES.

    Attributes:
        random: for all choices that are not faults.
        clock: moves only when set.
        happened: the number of times each fault or reaction occurred.
        log: time, name and details of each of them, for a person to read.
        is_calm: no further faults occur.
        troubles: the total number of faults and interruptions.
        meanwhile: called at every request of the function; other callers act in it.
        ends_s: when Lambda kills the running function.
    """

    def __init__(
        self, seed: int, chances: Mapping[str, float] = CHANCES, themes: Sequence[tuple[str, ...]] = THEMES
    ) -> None:
        self.random = Random(seed)  # noqa: S311 -- seeded
        self.clock = VirtualClock()
        self.happened: Counter[str] = Counter()
        self.log: list[tuple[float, str, tuple[Any, ...]]] = []
        self.troubles = 0
        self.is_calm = False
        self.meanwhile: Callable[[], None] = lambda: None
        self.ends_s = float("inf")
        intensity = self.random.choice((0.2, 0.5, 1.0, 1.0))
        self._chances = {
            what: most * intensity * self.random.random() if self.random.random() < 0.5 else 0.0
            for what, most in chances.items()
        }
        self._chances |= {what: chances[what] for what in self.random.choice(themes)}
        self._late: list[Callable[[], object]] = []

    def strikes(self, what: str) -> bool:
        """Decide whether this fault occurs now."""
        chance = self._chances[what]
        if chance == 0.0 or self.random.random() >= chance:
            return False
        self.note(what)
        self.troubles += 1
        return True

    def note(self, what: str, *about: Any) -> None:  # noqa: ANN401 -- for the log only
        self.happened[what] += 1
        self.log.append((self.clock.now_s, what, about))

    def calm(self) -> None:
        """Complete all delayed actions, and let no further faults occur."""
        self.is_calm, self._chances = True, dict.fromkeys(self._chances, 0.0)
        while self._late:
            self._late.pop(0)()

    def interrupt(self) -> None:
        """Called before the function makes a request, and after its effect but before its response."""
        self.catch_up()
        self.meanwhile()
        if self.strikes("crashed"):
            raise Crashed
        if self.strikes("killed"):
            raise Killed

    def spend(self, seconds: float) -> None:
        """Let time pass in the function."""
        self.clock.now_s += seconds
        if self.clock.now_s >= self.ends_s:
            self.note("timed out")
            self.troubles += 1
            raise Killed

    def later(self, action: Callable[[], object]) -> None:
        self._late.append(action)

    def catch_up(self) -> None:
        """Perform some of the delayed actions."""
        while self._late and self.random.random() < CATCH_UP_CHANCE:
            self.troubles += 1
            self._late.pop(0)()
