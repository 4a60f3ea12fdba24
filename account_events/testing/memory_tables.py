"""The projector's two tables in memory, which fail when they are told to."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from projector.errors import Unavailable
from projector.outgoing import Arrival
from projector.parking import Parked
from projector.parse import read_events
from schemas.encoder import ENCODERS, Encoders


class MemoryParking:
    """A Parking. `tests/contract/test_parking.py` holds it to the same rules as the real one.

    Attributes:
        fails: raises Unavailable if it wants to; called before every request, with its name.
    """

    def __init__(self) -> None:
        self.parked: dict[str, Parked] = {}
        self.looks = 0
        self.fails: Callable[[str], None] = lambda _: None

    def look(self) -> Mapping[str, Parked]:
        self.fails("look")
        self.looks += 1
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
    """A Ledger over DynamoDB images; `put` is a row written, `rows` may be tampered with."""

    def __init__(self, encoders: Encoders = ENCODERS) -> None:
        self._encoders = encoders
        self.rows: dict[str, dict[int, Mapping[str, Any]]] = {}
        self.reads: list[tuple[str, int, int]] = []
        self.on_read: Callable[[], None] = lambda: None
        self.is_down = False

    def put(self, images: Iterable[Mapping[str, Any]]) -> None:
        for image in images:
            self.rows.setdefault(image["AccountId"]["S"], {})[int(image["Version"]["N"])] = image

    def events(self, account_id: str, first: int, last: int, position: int) -> list[Arrival]:
        if self.is_down:
            raise Unavailable("ThrottlingException")
        self.on_read()
        self.reads.append((account_id, first, last))
        return read_events(self.rows.get(account_id, {}), account_id, first, last, position, encoders=self._encoders)
