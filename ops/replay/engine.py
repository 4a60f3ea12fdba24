"""The replay itself: pages in, events out, a checkpoint after each page."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from account_core.rows.layout import ACCOUNT_ID, VERSION
from account_events.avro.encoder import ENCODERS, Encoders
from ops.replay.cursor import Cursor, Stopped, Turn
from ops.replay.errors import Interrupted, WrongCall
from ops.replay.pace import Pace, Unpaced
from ops.replay.selection import Selection, includes, is_past
from ops.replay.sinks import Sink
from ops.replay.source import Account, Item, Page, Part, Source, parts_of
from ops.replay.state import KNOWN_MAX, Counts, PartState, State
from projector.outgoing import Outgoing

SEGMENTS = 4
SETTLE_S = 1.0
"""Before a hole is looked at again: a transaction's rows may for a moment be seen one without the other."""
NO_ACCOUNT = "the table has no such account"


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Attributes: stopped: accounts of which some events could not be replayed; empty if all were."""

    counts: Counts
    stopped: Sequence[Stopped]


class Inline(Executor):
    """Runs what it is given at once, for those who want no threads."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 -- any function
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 -- it is the future's
            future.set_exception(error)
        return future


def new_state(selection: Selection, segments: int) -> State:
    return State({part.name: PartState() for part in parts_of(selection, segments)})


def replay(
    source: Source,
    selection: Selection,
    sink: Sink,
    *,
    segments: int = SEGMENTS,
    state: State | None = None,
    executor: Executor | None = None,
    pace: Pace | None = None,
    page_units: float = 1.0,
    save: Callable[[State], None] = lambda _state: None,
    encoders: Encoders = ENCODERS,
) -> ReplayResult:
    """Send the selected events to the sink: of each account in sequence and without gaps, up to a row that makes none.

    Rows that are added meanwhile may be replayed or not: the live stream has them.

    Args:
        source: the table.
        selection: which events.
        sink: not closed here.
        segments: of the Scan, and how many pages are read at the same time, at most.
        state: where an earlier run was, which goes on with the same selection and segments; it is changed. From then
            on events may be sent that were sent already, of each account from some event on, and in order.
        executor: reads the pages; one after the other if None.
        pace: slows the reading down.
        page_units: what a first page may take in read units.
        save: keeps the state; called before the first page and after each, when what was sent before is safe.
        encoders: the projector's, for the bytes that it would publish now.

    Raises:
        Interrupted: the source or the sink failed; go on with the state that was saved last.
    """
    state = state or new_state(selection, segments)
    run = _Run(source, selection, sink, state, pace or Unpaced(), page_units, save, encoders)
    run.go(parts_of(selection, segments), segments, executor or Inline())
    return ReplayResult(run.state.counts, run.state.stopped())


@dataclass(slots=True)
class _Run:
    source: Source
    selection: Selection
    sink: Sink
    state: State
    pace: Pace
    page_units: float
    save: Callable[[State], None]
    encoders: Encoders

    def go(self, parts: Sequence[Part], at_once: int, executor: Executor) -> None:
        """Every part to its end, each page of a part after the one before it is out."""
        self._commit()
        waiting = deque(part for part in parts if not self.state.parts[part.name].is_done)
        units = dict.fromkeys(parts, self.page_units)
        reading: dict[Future[Page], Part] = {}
        try:
            while waiting or reading:
                while waiting and len(reading) < at_once:
                    part = waiting.popleft()
                    reading[executor.submit(self._read, part, self.pace.reserve(units[part]))] = part
                done, _ = wait(reading, return_when=FIRST_COMPLETED)
                for future in [future for future in reading if future in done]:
                    part, page = reading.pop(future), future.result()
                    self.pace.settle(units[part], page.read_units)
                    units[part] = page.read_units
                    self._take(part, page)
                    if not self.state.parts[part.name].is_done:
                        waiting.append(part)
        finally:
            for future in reading:
                future.cancel()

    def _read(self, part: Part, wait_s: float) -> Page:
        self.pace.sleep(wait_s)
        return self.source.read(part, self.state.parts[part.name].after)

    def _take(self, part: Part, page: Page) -> None:
        there = self.state.parts[part.name]
        self._send_page(page, lambda item: self._cursor(there, item))
        there.after, there.is_done = page.next_key, page.next_key is None
        if there.is_done and there.open is None and isinstance(part, Account):
            self._know(Cursor(part.account_id, stopped=Stopped(part.account_id, 1, "1", NO_ACCOUNT)))
        self._commit()

    def _send_page(self, page: Page, cursor_of: Callable[[Item], Cursor]) -> None:
        """Its events. Where a row is out of turn, its account is read from there in order."""
        events: list[Outgoing] = []
        for item in page.items:
            cursor = cursor_of(item)
            if not self._turn(cursor, item, events):
                self._send(events)
                events = []
                self._read_in_order(cursor)
            self.state.counts.accounts += cursor.begins_with(item)
        self._send(events)
        self._count(page)

    def _turn(self, cursor: Cursor, item: Item, events: list[Outgoing]) -> bool:
        """Take a row and add its event, if that is selected; whether it was in turn."""
        if is_past(self.selection, cursor.latest_us):
            return True
        taken = cursor.take(item, self.encoders)
        if isinstance(taken, Outgoing) and includes(self.selection, cursor.latest_us):
            cursor.select(taken.sequence)
            events.append(taken)
        if cursor.stopped is not None:
            self._know(cursor)
        return taken is not Turn.OUT

    def _read_in_order(self, cursor: Cursor) -> None:
        """The rest of an account, by Query; a hole that is still there when it is looked at again ends it."""
        self._know(cursor)
        hole = 0
        while not self._follow(cursor):
            if cursor.due == hole:
                cursor.stop_at_hole()
                return
            hole = cursor.due
            self.pace.sleep(SETTLE_S)

    def _follow(self, cursor: Cursor) -> bool:
        """Send the account's events from where its cursor stands; False where there is a hole."""
        part, after, units = Account(cursor.account_id, cursor.next_version), None, self.page_units
        while True:
            self.pace.sleep(self.pace.reserve(units))
            page = self.source.read(part, after)
            self.pace.settle(units, page.read_units)
            units, after = page.read_units, page.next_key
            events: list[Outgoing] = []
            is_whole = all(
                self._turn(cursor, item, events) for item in page.items
            )  # it ends with the first that is not
            self._send(events)
            self._count(page)
            if not is_whole or after is None:
                return is_whole

    def _cursor(self, there: PartState, item: Item) -> Cursor:
        try:
            account_id, _ = str(item[ACCOUNT_ID]["S"]), item[VERSION]["N"]
        except (KeyError, TypeError):
            raise WrongCall(f"A row has no {ACCOUNT_ID} and {VERSION}: this is no accounts' table.") from None
        known = self.state.known.get(account_id)
        if known is not None:
            return known
        if there.open is None or there.open.account_id != account_id:
            there.open = Cursor(account_id)
        return there.open

    def _know(self, cursor: Cursor) -> None:
        self.state.known[cursor.account_id] = cursor
        if len(self.state.known) > KNOWN_MAX:
            raise Interrupted(
                f"More than {KNOWN_MAX} accounts are damaged or came out of order: see `account-events check`."
            )

    def _send(self, events: Sequence[Outgoing]) -> None:
        if events:
            counts = self.state.counts
            counts.put_units += self.sink.write(events)
            counts.events += len(events)
            counts.data_bytes += sum(len(event.data) for event in events)

    def _count(self, page: Page) -> None:
        self.state.counts.rows += len(page.items)
        self.state.counts.read_units += page.read_units

    def _commit(self) -> None:
        self.state.position = self.sink.flush()
        self.save(self.state)
