"""The projector's two tables in memory, which fail on demand."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from account_core.rows.items import version_of
from account_events.avro.encoder import ENCODERS, Encoders
from projector.errors import Unavailable
from projector.outgoing import Arrival
from projector.parking import Parked
from projector.parse import first_recent, newest_us, occurred_us, read_events
from projector.predecessors import Key


class MemoryParking:
    """An in-memory `Parking`. `tests/contract/test_parking.py` tests it and the real one with the same suite.

    Attributes:
        fails: called with the name of every request before it; it may raise Unavailable.
    """

    def __init__(self) -> None:
        self.parked: dict[str, Parked] = {}
        self.fails: Callable[[str], None] = lambda _: None

    def list_parked(self) -> Mapping[str, Parked]:
        self.fails("list")
        return dict(self.parked)

    def park(self, parked: Parked) -> bool:
        self.fails("park")
        there = self.parked.get(parked.account_id)
        if there is not None and there.first <= parked.first:
            return False
        held_through = parked.held_through if there is None else max(there.held_through, parked.held_through)
        self.parked[parked.account_id] = replace(parked, held_through=held_through)
        return True

    def hold(self, parked: Parked, through: int) -> bool:
        self.fails("hold")
        there = self.parked.get(parked.account_id)
        if there is None or there.first != parked.first:
            return False
        self.parked[parked.account_id] = replace(there, held_through=max(there.held_through, through))
        return True

    def advance(self, parked: Parked, further: Parked) -> bool:
        self.fails("advance")
        there = self.parked.get(parked.account_id)
        if there is None or there.first != parked.first:
            return False
        self.parked[parked.account_id] = replace(
            there, first=further.first, version=further.version, reason=further.reason
        )
        return True

    def release(self, parked: Parked, through: int) -> bool:
        self.fails("release")
        there = self.parked.get(parked.account_id)
        if there is None or there.first != parked.first or there.held_through > through:
            return False
        del self.parked[parked.account_id]
        return True


class MemoryLedger:
    """An in-memory `Ledger` of DynamoDB images. `put` writes rows; tests may also change `rows` directly.

    Attributes:
        reads: account, first and last sequence of each run of events that was read.
        times_read: the keys of each request for times.
        on_read: called before every request.
        is_down: whether every request fails.
    """

    def __init__(self, encoders: Encoders = ENCODERS) -> None:
        self._encoders = encoders
        self.rows: dict[str, dict[int, Mapping[str, Any]]] = {}
        self.reads: list[tuple[str, int, int]] = []
        self.times_read: list[list[Key]] = []
        self.on_read: Callable[[], None] = lambda: None
        self.is_down = False

    def put(self, images: Iterable[Mapping[str, Any]]) -> None:
        for image in images:
            self.rows.setdefault(image["AccountId"]["S"], {})[int(image["Version"]["N"])] = image

    def events(self, account_id: str, first: int, last: int, position: int) -> list[Arrival]:
        self._read()
        return self._events(account_id, first, last, position)

    def times(self, keys: Sequence[Key]) -> dict[str, int | None]:
        self._read()
        self.times_read.append(list(keys))
        found = {key.account_id: self.rows.get(key.account_id, {}).get(version_of(key.sequence)) for key in keys}
        return {account_id: None if image is None else occurred_us(image) for account_id, image in found.items()}

    def recent(self, last: Key, before_us: int | None, window_us: int, position: int) -> list[Arrival]:
        self._read()
        rows = self.rows.get(last.account_id, {})
        images = {version: image for version, image in rows.items() if version <= version_of(last.sequence)}
        if before_us is None:
            before_us = newest_us(images)
        first = first_recent(images, last.sequence, before_us, window_us) or 1
        return self._events(last.account_id, first, last.sequence, position)

    def _read(self) -> None:
        if self.is_down:
            raise Unavailable("ThrottlingException")
        self.on_read()

    def _events(self, account_id: str, first: int, last: int, position: int) -> list[Arrival]:
        self.reads.append((account_id, first, last))
        return read_events(self.rows.get(account_id, {}), account_id, first, last, position, encoders=self._encoders)
