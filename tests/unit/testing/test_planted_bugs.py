"""Handlers that break a promise are caught, each by the assertion that names it; the one that breaks none is not."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest

from account_events.avro.codec import decode, encode
from account_events.avro.contract import load
from account_events.avro.encoder import MARKER
from account_events.testing import Fault, MemoryKinesis, TableStream
from account_events.testing.records import Image
from tests.support.arrivals import Arrivals
from tests.support.memory_projector import MemoryProjector
from tests.support.poison import no_image, unknown_type
from tests.support.replay import Replayed, replay
from tests.unit.testing import handlers
from tests.unit.testing.handlers import events_of
from tests.unit.testing.streams import bank

STREAM = bank("ab", 12)
SCHEMAS = Path(__file__).parents[3] / "schemas"
REFUSALS = [Fault(refused=frozenset({0})) if call % 4 == 2 else Fault() for call in range(60)]

Maker = Callable[[MemoryKinesis], Callable[[dict[str, Any], Any], Any]]


def replayed(maker: Maker) -> Replayed:
    kinesis = MemoryKinesis(iter(REFUSALS))
    return replay(STREAM, maker(kinesis), kinesis=kinesis, batch_sizes=6)


def test_the_right_one_passes() -> None:
    done = replayed(handlers.one_by_one)
    done.assert_delivered()
    done.assert_each_once()
    assert len(done.deliveries) > len(STREAM.records) / 6, "something was delivered again"


@pytest.mark.parametrize(
    ("maker", "said"),
    [
        (handlers.loses_what_is_refused, "a: 2, 4, 6, 8, 10, 12 never reached Kinesis"),
        (handlers.reports_the_next_record, "never reached Kinesis"),
    ],
)
def test_a_loss_is_caught(maker: Maker, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        replayed(maker).assert_every_event()
    with pytest.raises(AssertionError, match=r"a: 3 came before 2"):
        replayed(handlers.loses_what_is_refused).assert_in_order()


@pytest.mark.parametrize("maker", [handlers.publishes_backwards, handlers.goes_on_behind_a_refused_one])
def test_disorder_is_caught_where_nothing_is_lost(maker: Maker) -> None:
    kinesis = MemoryKinesis([] if maker is handlers.publishes_backwards else iter(REFUSALS))
    done = replay(STREAM, maker(kinesis), kinesis=kinesis, batch_sizes=6)
    done.assert_every_event()
    with pytest.raises(AssertionError, match=r"\d came before \d"):
        done.assert_in_order()
    with pytest.raises(AssertionError):
        done.assert_delivered()


def test_sending_only_what_was_refused_again_is_caught_in_the_calls_and_on_the_stream() -> None:
    kinesis = MemoryKinesis([Fault(refused=frozenset({0}))])
    done = replay(STREAM, handlers.sends_again_only_what_was_refused(kinesis), kinesis=kinesis, batch_sizes=6)
    with pytest.raises(AssertionError, match="a: 2 came before 1"):
        done.assert_in_order()
    with pytest.raises(AssertionError, match="call 1: a, b in two records in flight together"):
        kinesis.assert_accounts_alone()


def test_doubles_are_allowed_or_caught_as_asked() -> None:
    kinesis = MemoryKinesis()
    done = replay(STREAM, handlers.doubles(kinesis), kinesis=kinesis)
    done.assert_delivered()
    with pytest.raises(AssertionError, match=r"a: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more came more than once"):
        done.assert_each_once()


def tampering(tamper: Callable[[dict[str, Any]], dict[str, Any]], name: str | None = None) -> Arrivals:
    """All published rightly, but that event 3 of a is other than its row."""
    kinesis = MemoryKinesis()

    def handler(event: dict[str, Any], _: Any) -> None:  # noqa: ANN401 -- Lambda's
        for _number, account_id, data in events_of(event):
            read = decode(data)
            if (account_id, read.fields["sequence"]) == ("a", 3):
                changed = replace(read, name=name or read.name, fields=tamper(dict(read.fields)))
                handlers.put_one(kinesis, account_id, encode(changed.name, dict(changed.fields)))
            else:
                handlers.put_one(kinesis, account_id, data)

    return replay(STREAM, handler, kinesis=kinesis)


def test_a_wrong_amount_is_caught_by_field_and_by_balance_and_is_not_told() -> None:
    done = tampering(lambda fields: fields | {"amount": Decimal("4711.00")})
    with pytest.raises(AssertionError, match=r"^a: 3 differs from the ledger: amount$") as told:
        done.assert_repeats_only()
    assert "4711" not in str(told.value)
    with pytest.raises(AssertionError, match="a: the events up to 3 do not add up to the ledger's balance"):
        done.assert_balances()


def test_a_credit_for_a_withdrawal_is_caught() -> None:
    done = tampering(lambda fields: fields, "BalanceWithdrawn")
    with pytest.raises(AssertionError, match="a: 3 differs from the ledger: BalanceWithdrawn, not BalanceCredited"):
        done.assert_repeats_only()
    with pytest.raises(AssertionError, match="up to 3"):
        done.assert_balances()


def test_an_account_out_of_nowhere_is_caught() -> None:
    done = tampering(lambda fields: fields | {"account_id": "nobody", "event_id": "nobody:3"})
    with pytest.raises(AssertionError, match="nobody: 3 is of an account that is not on the stream"):
        done.assert_repeats_only()


def publishing(stream: TableStream, *extra: tuple[str, int], ledger: Sequence[Image] = ()) -> Replayed:
    """All that the stream tells of, rightly; and before it, of STREAM, what it does not tell of."""
    kinesis, whole = MemoryKinesis(), {}
    for _number, account_id, data in events_of({"Records": list(STREAM.records)}):
        whole[account_id, decode(data).fields["sequence"]] = data
    for account_id, sequence in extra:
        handlers.put_one(kinesis, account_id, whole[account_id, sequence])
    return replay(stream, handlers.one_by_one(kinesis), kinesis=kinesis, ledger=ledger)


def test_an_event_behind_the_last_is_caught_though_it_adds_up() -> None:
    done = tampering(lambda fields: fields)
    [*_, last] = done.per_account["b"]
    balance = last.fields["balance"] - Decimal("0.01")
    invented = {**last.fields, "sequence": 13, "event_id": "b:13", "balance": balance}
    handlers.put_one(done.kinesis, "b", encode(last.name, invented))
    done.assert_balances()
    done.assert_in_order()
    for assertion in (
        *(done.assert_nothing_invented, done.assert_repeats_only, done.assert_delivered, done.assert_each_once),
    ):
        with pytest.raises(AssertionError, match=r"^b: 13 has no row: the last event on the stream is 12$"):
            assertion()


def test_the_ledger_does_not_excuse_what_is_behind_the_last() -> None:
    done = publishing(TableStream.of(STREAM.records[:6]), ledger=STREAM.images())
    done.assert_each_once()
    for _number, account_id, data in events_of({"Records": list(STREAM.records[6:7])}):
        handlers.put_one(done.kinesis, account_id, data)
    with pytest.raises(AssertionError, match="a: 4 has no row: the last event on the stream is 3"):
        done.assert_each_once()


def test_events_before_the_stream_s_first_have_to_be_the_ledger_s() -> None:
    late = TableStream.of(STREAM.records[4:])
    done = publishing(late, ("a", 1), ("a", 2), ("b", 2), ledger=STREAM.images())
    done.assert_delivered()
    done.assert_each_once()
    with pytest.raises(AssertionError, match="a: 1 has no row in the stream; if it was read from the table, pass"):
        publishing(late, ("a", 1), ("a", 2)).assert_delivered()
    with pytest.raises(AssertionError, match="a: 1 has no row that can become an event, neither in the stream nor"):
        publishing(late, ("a", 1), ("a", 2), ledger=STREAM.images()[1:]).assert_delivered()
    other = [{**image, "Owner": {"S": "owner-2"}} if "Owner" in image else image for image in STREAM.images()]
    with pytest.raises(AssertionError, match=r"a: 1 differs from the ledger: owner$"):
        publishing(late, ("a", 1), ("a", 2), ledger=other).assert_delivered()


def test_an_earlier_event_that_comes_behind_a_later_one_is_disorder() -> None:
    done = publishing(TableStream.of(STREAM.records[4:]), ledger=STREAM.images())
    for _number, account_id, data in events_of({"Records": list(STREAM.records[:1])}):
        handlers.put_one(done.kinesis, account_id, data)
    done.assert_nothing_invented()
    with pytest.raises(AssertionError, match="a: 1 came after 12"):
        done.assert_in_order()


def test_fields_that_an_older_schema_loses_are_caught() -> None:
    kinesis = MemoryKinesis()
    published = {schema.name: schema for schema in reversed([*load(SCHEMAS).known.values()])}  # the first of each

    def handler(event: dict[str, Any], _: Any) -> None:  # noqa: ANN401 -- Lambda's
        for _number, account_id, data in events_of(event):
            told, body = decode(data), BytesIO()
            fastavro.schemaless_writer(body, published[told.name].parsed, told.fields)
            handlers.put_one(kinesis, account_id, MARKER + published[told.name].fingerprint + body.getvalue())

    done = replay(STREAM, handler, kinesis=kinesis)
    assert "request_id" not in done.events[0].fields
    with pytest.raises(AssertionError, match=r"^a: 1 differs from the ledger: request_id \(missing\)"):
        done.assert_delivered()


def test_a_beginning_that_is_missing_is_a_gap() -> None:
    done = Arrivals(STREAM, MemoryKinesis())
    for _number, account_id, data in events_of({"Records": list(STREAM.records)}):
        if decode(data).fields["sequence"] > 1:
            handlers.put_one(done.kinesis, account_id, data)
    with pytest.raises(AssertionError, match="a: 2 came before 1"):
        done.assert_in_order()


def test_whoever_leaves_a_poison_out_and_goes_on_is_caught() -> None:
    def careless(kinesis: MemoryKinesis) -> Any:  # noqa: ANN401 -- a handler
        def handler(event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401 -- Lambda's
            good = [one for one in event["Records"] if "NewImage" in one["dynamodb"]]
            return handlers.one_by_one(kinesis)({"Records": good}, context)

        return handler

    kinesis = MemoryKinesis()
    done = replay(STREAM, careless(kinesis), kinesis=kinesis, poison={4: no_image})
    done.assert_every_event()
    with pytest.raises(AssertionError, match=r"a: 4, 5, 6, 7, 8, 9, 10, 11, 12 was published, but it stops at 3"):
        done.assert_stops_at_poison()
    with pytest.raises(AssertionError):
        done.assert_delivered()


def test_whoever_stops_all_for_one_poison_is_caught() -> None:
    kinesis = MemoryKinesis()
    poisoned = STREAM.poisoned(4, unknown_type)
    done = replay(poisoned.records[:4], handlers.one_by_one(kinesis), kinesis=kinesis)
    with pytest.raises(AssertionError, match="b: 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 never reached Kinesis"):
        Arrivals(poisoned, done.kinesis).assert_every_event()


def test_the_event_of_a_poisonous_row_itself_is_beyond_it() -> None:
    done = Arrivals(STREAM.poisoned(4, unknown_type), MemoryKinesis())
    for _number, account_id, data in events_of({"Records": list(STREAM.records[:5])}):
        handlers.put_one(done.kinesis, account_id, data)
    with pytest.raises(AssertionError, match=r"^a: 3 was published, but it stops at 3$"):
        done.assert_stops_at_poison()


def test_of_two_poisons_the_first_stops_the_account() -> None:
    kinesis = MemoryKinesis()
    done = MemoryProjector(kinesis).replay(STREAM, poison={4: unknown_type, 8: unknown_type})
    done.assert_delivered()
    assert done.sequences()["a"] == [1, 2]
