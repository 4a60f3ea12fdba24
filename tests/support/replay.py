"""A replay of the accounts' table: `account_events.testing.replay`, with assertions about the events on Kinesis.

It refuses a replay that could prove nothing: with a poison that is none or is unexpected, or without an event to
publish.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Unpack

from account_events.testing import mapping
from account_events.testing.errors import BadReplay
from account_events.testing.kinesis import MemoryKinesis
from account_events.testing.mapping import Handler
from account_events.testing.record_stream import RecordStream
from account_events.testing.records import Image, StreamRecord
from account_events.testing.replayed import Delivery
from account_events.testing.replayed import Replayed as General
from account_events.testing.table_stream import TableStream
from tests.support.arrivals import Arrivals
from tests.support.expected import accounts_in
from tests.support.replay_checks import check_keys, check_poison, check_something_is_expected
from tests.support.rows import KEY


class Options(mapping.Options, total=False):
    """The options of the general replay, and one for this table.

    Attributes:
        poisonous: accounts with a row that is a poison although `poison` did not damage it.
    """

    poisonous: Collection[str]


class Replayed(Arrivals):
    """The result of a replay, with the assertions of `Arrivals`.

    Attributes:
        general: the result of the general replay, which knows nothing of accounts.
    """

    def __init__(self, general: General, kinesis: MemoryKinesis, ledger: Iterable[Image] = ()) -> None:
        super().__init__(of_accounts(general.stream), kinesis, ledger)
        self.general = general

    @property
    def deliveries(self) -> list[Delivery]:
        return self.general.deliveries

    @property
    def discarded(self) -> list[StreamRecord]:
        return self.general.discarded

    @property
    def batches(self) -> list[tuple[str, ...]]:
        return self.general.batches


def replay(
    stream: TableStream | Sequence[StreamRecord],
    handler: Handler | None = None,
    *,
    new_handler: Callable[[], Handler] | None = None,
    kinesis: MemoryKinesis,
    ledger: Iterable[Image] = (),
    poisonous: Collection[str] = (),
    **options: Unpack[mapping.Options],
) -> Replayed:
    """Deliver all of a stream to a handler that publishes its events.

    Args:
        stream: the stream to replay.
        handler: see the general replay.
        new_handler: see the general replay.
        kinesis: receives the handler's puts.
        ledger: the table's rows, if the handler reads rows that are not on the stream.
        poisonous: accounts with a row that is a poison although `poison` did not damage it.
        options: of the general replay; a record that `poison` damages must not become an event.

    Raises:
        BadReplay: see the general replay; also if the replay could prove nothing.
        AssertionError: records were given up, and the settings do not allow that.
    """
    damaged = of_accounts(stream)
    for position, damage in (options.pop("poison", None) or {}).items():
        damaged = damaged.poisoned(position, damage)
    expected = accounts_in(damaged)
    check_poison(damaged, expected, poisonous)  # before the stream is split, so that the test knows the positions
    check_keys(damaged)
    check_something_is_expected(damaged, expected, poisonous)
    general = mapping.replay(damaged, handler, new_handler=new_handler, kinesis=kinesis, **options)
    return Replayed(general, kinesis, ledger)


def of_accounts(stream: RecordStream | Sequence[StreamRecord]) -> TableStream:
    """The stream with the key of the accounts' table.

    Raises:
        BadReplay: it is another stream.
    """
    if not isinstance(stream, RecordStream):
        return TableStream.of(stream, KEY)
    if not isinstance(stream, TableStream) or stream.key not in (None, KEY):
        raise BadReplay("not a stream of the accounts' table")
    return replace(stream, key=KEY)
