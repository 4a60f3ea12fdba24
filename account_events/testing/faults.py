"""What goes wrong with calls of PutRecords: scripts of faults, one for each call."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

THROTTLED = "ProvisionedThroughputExceededException"
INTERNAL = "InternalFailure"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one `PutRecords` call.

    Attributes:
        refused: the positions of the entries not taken.
        throttled: nothing is taken, and the call itself fails.
        lost: what is taken is taken, and yet the call times out.
        late: as lost, and the entries arrive only after the next call.
        error_code: of the refused entries; Kinesis has THROTTLED and INTERNAL.
    """

    refused: frozenset[int] = frozenset()
    throttled: bool = False
    lost: bool = False
    late: bool = False
    error_code: str = THROTTLED

    @property
    def is_one(self) -> bool:
        """Whether anything goes wrong by it."""
        return bool(self.refused) or self.throttled or self.lost or self.late


def refuse_every(nth: int, entries_max: int = 500) -> Iterator[Fault]:
    """Every `nth` entry is refused, counted through all calls as if each had `entries_max` entries, without an end.

    An entry that is sent again stands in another place, so that it is taken in the end.
    """
    if nth <= 1:
        raise ValueError("every entry would be refused for ever: nth has to be 2 or more")
    first = nth - 1
    while True:
        yield Fault(refused=frozenset(range(first, entries_max, nth)))
        first = (first + 1) % nth


def random_faults(seed: int, calls: int, chance: float = 0.3, entries_max: int = 500) -> Iterator[Fault]:
    """So many calls, each with a mixture of everything; the same for the same seed. Later calls go well.

    Args:
        seed: which mixture.
        calls: how many may go wrong, so that there is an end to it.
        chance: of each entry to be refused, and of each call to be throttled or to lose its answer.
        entries_max: the positions an entry may have.
    """
    random = Random(seed)  # noqa: S311 -- seeded, so that a failure can be repeated
    for _ in range(calls):
        kind = random.choice(("throttled", "lost", "late")) if random.random() < chance else None
        yield Fault(
            refused=frozenset(position for position in range(entries_max) if random.random() < chance),
            throttled=kind == "throttled",
            lost=kind == "lost",
            late=kind == "late",
            error_code=random.choice((THROTTLED, INTERNAL)),
        )
