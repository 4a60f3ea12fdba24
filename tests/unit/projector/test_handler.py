"""The wiring: the requests that the function sends with its real clients."""

import gc
import importlib
import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from account_core.domain.events import EventRow
from account_core.rows.items import to_item
from account_events.aggregation.buckets import bucket_of, hash_key
from account_events.aggregation.packing import aggregate
from account_events.avro.encoder import ENCODERS, glue_encoders
from account_events.testing.records import sequence_number
from projector.outgoing import outgoing
from projector.settings import CALL_MAX_S, PARKING_S, SAFETY_MARGIN_S, Settings, deadline_s
from tests.support.rows import history, stream_records

ROWS = list(history("acct-1", 3))
PAYLOADS = [outgoing(row, 0).data for row in ROWS if isinstance(row, EventRow)]
BUCKET = bucket_of("acct-1", 32)
WHERE = {"PartitionKey": str(BUCKET), "ExplicitHashKey": hash_key(BUCKET, 32)}
ACCEPTED = {"Records": [{"SequenceNumber": "1", "ShardId": "shardId-0"}]}
VERSION_IDS = {
    encoder.fingerprint.hex(): f"{number:08x}-9c96-4e4a-a687-fb5de9ef0c63"
    for number, encoder in enumerate(ENCODERS.values(), 0xABCDEF00)
}
AN_EVENT = ENCODERS["BalanceCredited"].fingerprint.hex()
ENVIRONMENT = {
    "EVENT_STREAM_NAME": "events",
    "TABLE_NAME": "accounts",
    "PARKING_TABLE_NAME": "parked",
    "AGGREGATION": "on",
    "BUCKETS": "32",
    "ORDER_WINDOW_SECONDS": "10",
    "FRAMING": "single-object",
    "STACK_NAME": "account-events",
}


class Context:
    """The used part of Lambda's context."""

    def __init__(self, remaining_ms: int) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> ModuleType:
    for name, value in {**ENVIRONMENT, **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    sys.modules.pop("projector.handler", None)
    return importlib.import_module("projector.handler")


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    yield load(monkeypatch)
    sys.modules.pop("projector.handler", None)


def lists_parked(module: ModuleType, *parked: dict[str, Any]) -> Stubber:
    dynamodb = Stubber(module.dynamodb)
    request = {
        "TableName": "parked",
        "ConsistentRead": True,
        "KeyConditionExpression": ANY,
        "ExpressionAttributeNames": ANY,
        "ExpressionAttributeValues": ANY,
    }
    dynamodb.add_response("query", {"Items": list(parked)}, request)
    return dynamodb


@pytest.mark.parametrize(
    ("aggregation", "records"),
    [
        ("on", [[{"Data": aggregate(WHERE["PartitionKey"], WHERE["ExplicitHashKey"], PAYLOADS), **WHERE}]]),
        ("off", [[{**WHERE, "Data": data, "PartitionKey": "acct-1"}] for data in PAYLOADS]),
    ],
)
def test_a_batch_is_put_on_the_configured_stream_and_logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], aggregation: str, records: list[Any]
) -> None:
    module = load(monkeypatch, AGGREGATION=aggregation)
    with Stubber(module.kinesis) as kinesis, lists_parked(module) as dynamodb:
        for call in records:
            kinesis.add_response("put_records", ACCEPTED, {"StreamName": "events", "Records": call})
        answer = module.handler({"Records": stream_records(ROWS)}, Context(60_000))
        kinesis.assert_no_pending_responses()
        dynamodb.assert_no_pending_responses()
    assert answer == {"batchItemFailures": []}
    assert gc.isenabled()
    assert '"EventsPublished":[3.0]' in capsys.readouterr().out


@pytest.mark.parametrize(("window_s", "queries"), [(1, 0), (2, 1)])
def test_the_order_window_is_configured_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, window_s: int, queries: int
) -> None:
    """The previous event is one second older."""
    module = load(monkeypatch, ORDER_WINDOW_SECONDS=str(window_s))
    images = [to_item(row) for row in ROWS]
    with Stubber(module.kinesis) as kinesis, lists_parked(module) as dynamodb:
        dynamodb.add_response("batch_get_item", {"Responses": {"accounts": [images[1]]}})
        for _ in range(queries):
            dynamodb.add_response("query", {"Items": images[1::-1]})
        kinesis.add_response("put_records", ACCEPTED)
        answer = module.handler({"Records": stream_records(ROWS)[2:]}, Context(60_000))
        dynamodb.assert_no_pending_responses()
    assert answer == {"batchItemFailures": []}


def test_with_framing_glue_each_event_has_the_id_of_its_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(monkeypatch, AGGREGATION="off", FRAMING="glue", SCHEMA_VERSIONS=json.dumps(VERSION_IDS))
    framed = [outgoing(row, 0, glue_encoders(VERSION_IDS)).data for row in ROWS if isinstance(row, EventRow)]
    assert framed != PAYLOADS
    with Stubber(module.kinesis) as kinesis, lists_parked(module):
        for data in framed:
            call = [{**WHERE, "Data": data, "PartitionKey": "acct-1"}]
            kinesis.add_response("put_records", ACCEPTED, {"StreamName": "events", "Records": call})
        answer = module.handler({"Records": stream_records(ROWS)}, Context(60_000))
        kinesis.assert_no_pending_responses()
    assert answer == {"batchItemFailures": []}


def test_with_framing_glue_gaps_are_filled_in_that_framing(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(monkeypatch, AGGREGATION="off", FRAMING="glue", SCHEMA_VERSIONS=json.dumps(VERSION_IDS))
    framed = [outgoing(row, 0, glue_encoders(VERSION_IDS)).data for row in ROWS if isinstance(row, EventRow)]
    first, _, third = stream_records(ROWS)
    with Stubber(module.kinesis) as kinesis, lists_parked(module) as dynamodb:
        dynamodb.add_response("query", {"Items": [to_item(ROWS[1])]})
        for data in framed:
            call = [{**WHERE, "Data": data, "PartitionKey": "acct-1"}]
            kinesis.add_response("put_records", ACCEPTED, {"StreamName": "events", "Records": call})
        module.handler({"Records": [first, third]}, Context(60_000))
        kinesis.assert_no_pending_responses()
        dynamodb.assert_no_pending_responses()


@pytest.mark.parametrize(
    "schema_versions",
    [
        *("", "{", "null", "7", '"x"', "{}", "[]", '["ab"]'),
        json.dumps(VERSION_IDS | {AN_EVENT: "x"}),
        json.dumps(VERSION_IDS | {AN_EVENT: None}),
        json.dumps(VERSION_IDS | {AN_EVENT: VERSION_IDS[AN_EVENT].upper()}),
        json.dumps(
            {fingerprint: version_id for fingerprint, version_id in VERSION_IDS.items() if fingerprint != AN_EVENT}
        ),
    ],
)
def test_framing_glue_requires_the_id_of_every_working_schema(schema_versions: str) -> None:
    environment = ENVIRONMENT | {"FRAMING": "glue", "SCHEMA_VERSIONS": schema_versions}
    with pytest.raises(LookupError, match=r"^If FRAMING is glue, SCHEMA_VERSIONS must hold .* of the same release\.$"):
        Settings.read(environment)


def test_framing_glue_requires_schema_versions() -> None:
    with pytest.raises(LookupError, match="SCHEMA_VERSIONS"):
        Settings.read(ENVIRONMENT | {"FRAMING": "glue"})


def test_with_less_time_than_the_margin_nothing_is_sent(module: ModuleType) -> None:
    with Stubber(module.kinesis) as kinesis, lists_parked(module):
        kinesis.add_response("put_records", ACCEPTED)  # if it were called, the batch would be done
        answer = module.handler({"Records": stream_records(ROWS)}, Context(int(SAFETY_MARGIN_S * 1000)))
    assert answer == {"batchItemFailures": [{"itemIdentifier": sequence_number(0)}]}


def test_the_clients_do_not_retry_and_time_out_within_the_margin(module: ModuleType) -> None:
    for client in (module.kinesis, module.dynamodb):
        config = client.meta.config
        assert config.retries == {"total_max_attempts": 1, "mode": "legacy"}
        assert 2 * (config.connect_timeout + config.read_timeout) + PARKING_S < SAFETY_MARGIN_S
        assert config.connect_timeout + config.read_timeout == CALL_MAX_S


def test_the_deadline_leaves_the_margin() -> None:
    assert deadline_s(now_s=100.0, remaining_ms=30_000) == 130.0 - SAFETY_MARGIN_S


@pytest.mark.parametrize("missing", sorted(ENVIRONMENT))
def test_a_missing_setting_is_named(missing: str) -> None:
    with pytest.raises(LookupError, match=missing):
        Settings.read({name: value for name, value in ENVIRONMENT.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AGGREGATION", "yes"),
        ("BUCKETS", "0"),
        ("BUCKETS", "-1"),
        ("BUCKETS", "x"),
        ("BUCKETS", "\u0663"),
        ("FRAMING", "confluent"),
        ("ORDER_WINDOW_SECONDS", "0"),
        ("ORDER_WINDOW_SECONDS", "-1"),
        ("ORDER_WINDOW_SECONDS", "1.5"),
        ("ORDER_WINDOW_SECONDS", "\u0661"),
        ("ORDER_WINDOW_SECONDS", ""),
    ],
)
def test_an_invalid_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(LookupError, match=name):
        Settings.read({**ENVIRONMENT, name: value})
