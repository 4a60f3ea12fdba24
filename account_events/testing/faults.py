"""Faults of PutRecords calls, one per call: a single `Fault`, and generators of sequences."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

THROTTLED = "ProvisionedThroughputExceededException"
INTERNAL = "InternalFailure"


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault of one `PutRecords` call.

    Attributes:
        refused: the positions of the entries that Kinesis refuses.
        throttled: the whole call fails, and no entry is accepted.
        lost: the entries are accepted, but the call times out.
        late: like `lost`, but the entries arrive only after the next call.
        error_code: the error code of refused entries: THROTTLED or INTERNAL.
    """

    refused: frozenset[int] = frozenset()
    throttled: bool = False
    lost: bool = False
    late: bool = False
    error_code: str = THROTTLED

    @property
    def has_effect(self) -> bool:
        """Whether anything fails; False for `Fault()`."""
        return bool(self.refused) or self.throttled or self.lost or self.late


def refuse_every(nth: int, entries_max: int = 500) -> Iterator[Fault]:
    """Endless faults that refuse every `nth` entry, counted across the calls as if each had `entries_max` entries.

    A retried entry has another position, so it is accepted eventually.
    """
    if nth <= 1:
        raise ValueError("nth must be at least 2: otherwise every entry would be refused for ever")
    first = nth - 1
    while True:
        yield Fault(refused=frozenset(range(first, entries_max, nth)))
        first = (first + 1) % nth


def random_faults(seed: int, calls: int, chance: float = 0.3, entries_max: int = 500) -> Iterator[Fault]:
    """Random faults for the first `calls` calls; the same seed gives the same faults. Later calls succeed.

    Args:
        seed: the seed of the random numbers.
        calls: how many calls may fail.
        chance: the probability that an entry is refused, that a call is throttled, and that its response is lost.
        entries_max: the maximum number of entries in a call.
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
