"""Each planted bug fails the assertion that is made for it, and the correct handler passes every assertion."""

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
from tests.unit.testing.streams import table_stream

STREAM = table_stream("ab", 12)
SCHEMAS = Path(__file__).parents[3] / "schemas"
REFUSALS = [Fault(refused=frozenset({0})) if call % 4 == 2 else Fault() for call in range(60)]

Maker = Callable[[MemoryKinesis], Callable[[dict[str, Any], Any], Any]]


def replayed(maker: Maker) -> Replayed:
    kinesis = MemoryKinesis(iter(REFUSALS))
    return replay(STREAM, maker(kinesis), kinesis=kinesis, batch_sizes=6)


def test_the_correct_handler_passes() -> None:
    done = replayed(handlers.one_by_one)
    done.assert_delivered()
    done.assert_each_once()
    assert len(done.deliveries) > len(STREAM.records) / 6, "nothing was delivered again"


@pytest.mark.parametrize(
    ("maker", "message"),
    [
        (handlers.loses_refused_events, "a: 2, 4, 6, 8, 10, 12 never reached Kinesis"),
        (handlers.reports_the_next_record, "never reached Kinesis"),
    ],
)
def test_a_loss_is_caught(maker: Maker, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        replayed(maker).assert_every_event()
    with pytest.raises(AssertionError, match=r"a: 3 came before 2"):
        replayed(handlers.loses_refused_events).assert_in_order()


@pytest.mark.parametrize("maker", [handlers.publishes_backwards, handlers.continues_after_a_refusal])
def test_disorder_is_caught_even_if_nothing_is_lost(maker: Maker) -> None:
    kinesis = MemoryKinesis([] if maker is handlers.publishes_backwards else iter(REFUSALS))
    done = replay(STREAM, maker(kinesis), kinesis=kinesis, batch_sizes=6)
    done.assert_every_event()
    with pytest.raises(AssertionError, match=r"\d came before \d"):
        done.assert_in_order()
    with pytest.raises(AssertionError):
        done.assert_delivered()


def test_resending_only_the_refused_entries_is_caught() -> None:
    kinesis = MemoryKinesis([Fault(refused=frozenset({0}))])
    done = replay(STREAM, handlers.resends_only_refused_entries(kinesis), kinesis=kinesis, batch_sizes=6)
    with pytest.raises(AssertionError, match="a: 2 came before 1"):
        done.assert_in_order()
    with pytest.raises(AssertionError, match="call 1 has several records with events of a, b"):
        kinesis.assert_accounts_alone()


def test_assert_delivered_allows_repeats_and_assert_each_once_does_not() -> None:
    kinesis = MemoryKinesis()
    done = replay(STREAM, handlers.publishes_twice(kinesis), kinesis=kinesis)
    done.assert_delivered()
    with pytest.raises(AssertionError, match=r"a: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more came more than once"):
        done.assert_each_once()


def tampering(tamper: Callable[[dict[str, Any]], dict[str, Any]], name: str | None = None) -> Arrivals:
    """Publish every event correctly, except that `tamper` changes event 3 of account a."""
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


def test_a_wrong_amount_is_caught_but_not_printed() -> None:
    done = tampering(lambda fields: fields | {"amount": Decimal("4711.00")})
    with pytest.raises(AssertionError, match=r"^a: 3 differs from the ledger: amount$") as caught:
        done.assert_repeats_only()
    assert "4711" not in str(caught.value)
    with pytest.raises(AssertionError, match="a: the events up to 3 do not add up to the ledger's balance"):
        done.assert_balances()


def test_a_withdrawal_in_place_of_a_credit_is_caught() -> None:
    done = tampering(lambda fields: fields, "BalanceWithdrawn")
    with pytest.raises(AssertionError, match="a: 3 differs from the ledger: BalanceWithdrawn, not BalanceCredited"):
        done.assert_repeats_only()
    with pytest.raises(AssertionError, match="up to 3"):
        done.assert_balances()


def test_an_event_of_an_unknown_account_is_caught() -> None:
    done = tampering(lambda fields: fields | {"account_id": "nobody", "event_id": "nobody:3"})
    with pytest.raises(AssertionError, match="nobody: 3 is of an account that is not on the stream"):
        done.assert_repeats_only()


def publishing(stream: TableStream, *extra: tuple[str, int], ledger: Sequence[Image] = ()) -> Replayed:
    """Publish the events `extra` of STREAM, and then every event of `stream` correctly."""
    kinesis, data_of = MemoryKinesis(), {}
    for _number, account_id, data in events_of({"Records": list(STREAM.records)}):
        data_of[account_id, decode(data).fields["sequence"]] = data
    for account_id, sequence in extra:
        handlers.put_one(kinesis, account_id, data_of[account_id, sequence])
    return replay(stream, handlers.one_by_one(kinesis), kinesis=kinesis, ledger=ledger)


def test_an_event_after_the_last_is_caught_although_balances_agree() -> None:
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


def test_an_event_after_the_streams_last_is_caught_despite_the_ledger() -> None:
    done = publishing(TableStream.of(STREAM.records[:6]), ledger=STREAM.images())
    done.assert_each_once()
    for _number, account_id, data in events_of({"Records": list(STREAM.records[6:7])}):
        handlers.put_one(done.kinesis, account_id, data)
    with pytest.raises(AssertionError, match="a: 4 has no row: the last event on the stream is 3"):
        done.assert_each_once()


def test_events_before_the_streams_first_must_be_in_the_ledger() -> None:
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


def test_an_earlier_event_after_a_later_one_is_disorder() -> None:
    done = publishing(TableStream.of(STREAM.records[4:]), ledger=STREAM.images())
    for _number, account_id, data in events_of({"Records": list(STREAM.records[:1])}):
        handlers.put_one(done.kinesis, account_id, data)
    done.assert_nothing_invented()
    with pytest.raises(AssertionError, match="a: 1 came after 12"):
        done.assert_in_order()


def test_fields_that_an_older_schema_loses_are_caught() -> None:
    kinesis = MemoryKinesis()
    published = {schema.name: schema for schema in reversed([*load(SCHEMAS).known.values()])}  # first versions

    def handler(event: dict[str, Any], _: Any) -> None:  # noqa: ANN401 -- Lambda's
        for _number, account_id, data in events_of(event):
            decoded, body = decode(data), BytesIO()
            fastavro.schemaless_writer(body, published[decoded.name].parsed, decoded.fields)
            handlers.put_one(kinesis, account_id, MARKER + published[decoded.name].fingerprint + body.getvalue())

    done = replay(STREAM, handler, kinesis=kinesis)
    assert "request_id" not in done.events[0].fields
    with pytest.raises(AssertionError, match=r"^a: 1 differs from the ledger: request_id \(missing\)"):
        done.assert_delivered()


def test_a_missing_first_event_is_disorder() -> None:
    done = Arrivals(STREAM, MemoryKinesis())
    for _number, account_id, data in events_of({"Records": list(STREAM.records)}):
        if decode(data).fields["sequence"] > 1:
            handlers.put_one(done.kinesis, account_id, data)
    with pytest.raises(AssertionError, match="a: 2 came before 1"):
        done.assert_in_order()


def test_a_handler_that_skips_a_poison_and_continues_is_caught() -> None:
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


def test_a_handler_that_stops_every_account_for_a_poison_is_caught() -> None:
    kinesis = MemoryKinesis()
    poisoned = STREAM.poisoned(4, unknown_type)
    done = replay(poisoned.records[:4], handlers.one_by_one(kinesis), kinesis=kinesis)
    with pytest.raises(AssertionError, match="b: 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 never reached Kinesis"):
        Arrivals(poisoned, done.kinesis).assert_every_event()


def test_publishing_the_event_of_a_poisonous_row_is_caught() -> None:
    done = Arrivals(STREAM.poisoned(4, unknown_type), MemoryKinesis())
    for _number, account_id, data in events_of({"Records": list(STREAM.records[:5])}):
        handlers.put_one(done.kinesis, account_id, data)
    with pytest.raises(AssertionError, match=r"^a: 3 was published, but it stops at 3$"):
        done.assert_stops_at_poison()


def test_the_first_of_two_poisons_stops_the_account() -> None:
    kinesis = MemoryKinesis()
    done = MemoryProjector(kinesis).replay(STREAM, poison={4: unknown_type, 8: unknown_type})
    done.assert_delivered()
    assert done.sequences()["a"] == [1, 2]
