"""DynamoDB as its callers see it: if a request goes unanswered, nothing shows whether a write took place."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from projector.errors import Unavailable
from projector.outgoing import Arrival
from projector.parking import Parked
from projector.predecessors import Key
from projector.settings import READ_TIMEOUT_S
from tests.simulation.projector.callers import Caller
from tests.simulation.projector.fault_plan import FaultPlan
from tests.simulation.projector.oracle import Oracle
from tests.support.memory_tables import MemoryLedger, MemoryParking

LATENCY_S = 0.005


class CheckedParking:
    """The table of parked accounts; after every write, the oracle checks that no event is lost."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._table = MemoryParking()
        self.parked: Mapping[str, Parked] = self._table.parked
        self.list_parked = self._table.list_parked

    def park(self, parked: Parked) -> bool:
        self._oracle.parks(parked)
        return self._checked(self._table.park(parked))

    def hold(self, parked: Parked, through: int) -> bool:
        return self._checked(self._table.hold(parked, through))

    def advance(self, parked: Parked, further: Parked) -> bool:
        return self._checked(self._table.advance(parked, further))

    def release(self, parked: Parked, through: int) -> bool:
        is_released = self._table.release(parked, through)
        if is_released:
            self._oracle.released(parked.account_id)
        return self._checked(is_released)

    def _checked(self, is_done: bool) -> bool:  # noqa: FBT001 -- passed on
        self._oracle.check_nothing_is_lost(self.parked)
        return is_done


class _Requests:
    def __init__(self, fault_plan: FaultPlan, caller: Caller) -> None:
        self._fault_plan = fault_plan
        self._caller = caller

    def _request(self, name: str) -> None:
        self._caller.interrupt()
        if self._fault_plan.strikes(f"{name} failed"):
            self._no_answer()
        self._caller.spend(LATENCY_S)

    def _no_answer(self) -> None:
        self._caller.spend(READ_TIMEOUT_S)
        raise Unavailable("ReadTimeoutError")


class UnsteadyParking(_Requests):
    """A `Parking` as the projector or an operator uses it."""

    def __init__(self, table: CheckedParking, oracle: Oracle, fault_plan: FaultPlan, caller: Caller) -> None:
        super().__init__(fault_plan, caller)
        self._oracle = oracle
        self._table = table

    def list_parked(self) -> Mapping[str, Parked]:
        self._request("list")
        parked = self._table.list_parked()
        self._note_seen(parked)
        return parked

    def park(self, parked: Parked) -> bool:
        return self._write("park", lambda: self._park(parked))

    def _park(self, parked: Parked) -> bool:
        self._note_seen([parked.account_id])
        return self._table.park(parked)

    def _note_seen(self, parked: Iterable[str]) -> None:
        if self._caller.is_function and self._oracle.delivery is not None:
            self._oracle.delivery.seen_parked.update(parked)

    def hold(self, parked: Parked, through: int) -> bool:
        return self._write("hold", lambda: self._table.hold(parked, through))

    def advance(self, parked: Parked, further: Parked) -> bool:
        return self._write("advance", lambda: self._table.advance(parked, further))

    def release(self, parked: Parked, through: int) -> bool:
        return self._write("release", lambda: self._table.release(parked, through))

    def _write(self, name: str, write: Callable[[], bool]) -> bool:
        self._request(name)
        if self._fault_plan.strikes(f"{name} late"):
            self._fault_plan.later(write)
            self._no_answer()
        is_done = write()
        if self._fault_plan.strikes(f"{name} unsure"):
            self._no_answer()
        if not is_done:
            self._fault_plan.note(f"{name} refused")
        self._caller.interrupt()
        return is_done


class UnsteadyLedger(_Requests):
    """The accounts' table as the projector or an operator reads it."""

    def __init__(self, table: MemoryLedger, fault_plan: FaultPlan, caller: Caller) -> None:
        super().__init__(fault_plan, caller)
        self._table = table

    def events(self, account_id: str, first: int, last: int, position: int) -> list[Arrival]:
        self._request("read")
        return self._table.events(account_id, first, last, position)

    def times(self, keys: Sequence[Key]) -> dict[str, int | None]:
        self._request("read")
        times = self._table.times(keys)
        if self._fault_plan.strikes("keys unprocessed"):
            del times[self._fault_plan.random.choice(keys).account_id]
        return times

    def recent(self, last: Key, before_us: int | None, window_us: int, position: int) -> list[Arrival]:
        self._request("read")
        return self._table.recent(last, before_us, window_us, position)
