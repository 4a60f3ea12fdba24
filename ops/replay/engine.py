"""The replay: reads pages, sends their events, and saves a checkpoint after each page."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from account_core.rows.layout import ACCOUNT_ID, VERSION
from account_events.avro.encoder import ENCODERS, Encoders
from ops.replay.cursor import Cursor, NoEvent, Stopped
from ops.replay.errors import Interrupted, InvalidRequest
from ops.replay.pace import Pace, Unpaced
from ops.replay.selection import Selection, includes, is_past
from ops.replay.sinks import Sink
from ops.replay.source import Account, Item, Page, Part, Source, parts_of
from ops.replay.state import KNOWN_MAX, Counts, PartState, State
from projector.outgoing import Outgoing

SEGMENTS = 4
SETTLE_S = 1.0
"""Seconds before a missing row is read again: only one row of a transaction may be visible for a moment."""
NO_ACCOUNT = "the table has no such account"


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The outcome of a replay.

    Attributes:
        stopped: the accounts that could not be replayed to their end.
    """

    counts: Counts
    stopped: Sequence[Stopped]


class Inline(Executor):
    """An executor without threads: it runs each call in `submit`."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 -- any function
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 -- the future carries it
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
    """Sends the selected events to the sink, in sequence per account and without gaps.

    An account stops early at a row that is missing or cannot be turned into an event. Rows that are added during the
    replay may or may not be replayed; their events are on the live stream.

    Args:
        source: the table.
        selection: the events to replay.
        sink: receives the events. The caller closes it.
        segments: the number of segments of the Scan, and the maximum number of pages that are read concurrently.
        state: an earlier run's state, to continue with the same selection and segments; it is modified. Events that the
            earlier run sent after that state are sent again, in order per account.
        executor: runs the reads of pages; None to read them one after the other.
        pace: limits the read rate.
        page_units: read units that the first page of a part may use.
        save: stores the state. It is called before the first page and after each page, once the events are safe.
        encoders: the projector's.

    Raises:
        Interrupted: the source or the sink failed; continue with the state that was saved last.
    """
    state = state or new_state(selection, segments)
    run = _Run(source, selection, sink, state, pace or Unpaced(), page_units, save, encoders)
    run.run(parts_of(selection, segments), segments, executor or Inline())
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

    def run(self, parts: Sequence[Part], concurrency: int, executor: Executor) -> None:
        """Reads every part to its end, and a part's next page only after the events of its previous page are sent."""
        self._commit()
        waiting = deque(part for part in parts if not self.state.parts[part.name].is_done)
        units = dict.fromkeys(parts, self.page_units)
        reading: dict[Future[Page], Part] = {}
        try:
            while waiting or reading:
                while waiting and len(reading) < concurrency:
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
        progress = self.state.parts[part.name]
        self._send_page(page, lambda item: self._cursor(progress, item))
        progress.after, progress.is_done = page.next_key, page.next_key is None
        if progress.is_done and progress.open is None and isinstance(part, Account):
            self._remember(Cursor(part.account_id, stopped=Stopped(part.account_id, 1, "1", NO_ACCOUNT)))
        self._commit()

    def _send_page(self, page: Page, cursor_of: Callable[[Item], Cursor]) -> None:
        """Sends the page's events. If a row is out of order, the rest of its account is read by a Query."""
        events: list[Outgoing] = []
        for item in page.items:
            cursor = cursor_of(item)
            if not self._take_row(cursor, item, events):
                self._send(events)
                events = []
                self._read_in_order(cursor)
            self.state.counts.accounts += cursor.begins_with(item)
        self._send(events)
        self._count(page)

    def _take_row(self, cursor: Cursor, item: Item, events: list[Outgoing]) -> bool:
        """Takes a row and appends its event if the event is selected. Returns False if the row is out of order."""
        if is_past(self.selection, cursor.latest_us):
            return True
        taken = cursor.take(item, self.encoders)
        if isinstance(taken, Outgoing) and includes(self.selection, cursor.latest_us):
            cursor.select(taken.sequence)
            events.append(taken)
        if cursor.stopped is not None:
            self._remember(cursor)
        return taken is not NoEvent.OUT_OF_ORDER

    def _read_in_order(self, cursor: Cursor) -> None:
        """Replays the rest of an account by a Query. The account stops at a gap that a second attempt finds again."""
        self._remember(cursor)
        gap = 0
        while not self._follow(cursor):
            if cursor.due == gap:
                cursor.stop_at_gap()
                return
            gap = cursor.due
            self.pace.sleep(SETTLE_S)

    def _follow(self, cursor: Cursor) -> bool:
        """Sends the account's events from its cursor on. Returns False if there is a gap."""
        part, after, units = Account(cursor.account_id, cursor.next_version), None, self.page_units
        while True:
            self.pace.sleep(self.pace.reserve(units))
            page = self.source.read(part, after)
            self.pace.settle(units, page.read_units)
            units, after = page.read_units, page.next_key
            events: list[Outgoing] = []
            is_whole = all(self._take_row(cursor, item, events) for item in page.items)  # stops at the first gap
            self._send(events)
            self._count(page)
            if not is_whole or after is None:
                return is_whole

    def _cursor(self, progress: PartState, item: Item) -> Cursor:
        try:
            account_id, _ = str(item[ACCOUNT_ID]["S"]), item[VERSION]["N"]
        except (KeyError, TypeError):
            raise InvalidRequest(
                f"A row has no {ACCOUNT_ID} or no {VERSION}: this is not an accounts table. Choose another."
            ) from None
        known = self.state.known.get(account_id)
        if known is not None:
            return known
        if progress.open is None or progress.open.account_id != account_id:
            progress.open = Cursor(account_id)
        return progress.open

    def _remember(self, cursor: Cursor) -> None:
        self.state.known[cursor.account_id] = cursor
        if len(self.state.known) > KNOWN_MAX:
            raise Interrupted(
                f"More than {KNOWN_MAX} accounts are damaged or were read out of order: run `account-events check`."
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
