"""The wiring: what the function really sends, with the client it really has."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from botocore.stub import Stubber

from account_core.events import EventRow
from projector.outgoing import outgoing
from projector.parse import Insert
from projector.settings import SAFETY_MARGIN_S, Settings, deadline_s
from tests.stream_records import history, sequence_number, stream_records

ROWS = list(history("acct-1", 3))
ACCEPTED = {"Records": [{"SequenceNumber": "1", "ShardId": "shardId-0"}]}


class Context:
    """Lambda's, as much of it as is used."""

    def __init__(self, remaining_ms: int) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setenv("EVENT_STREAM_NAME", "events")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    sys.modules.pop("projector.handler", None)
    yield importlib.import_module("projector.handler")
    sys.modules.pop("projector.handler", None)


def test_a_batch_goes_to_the_stream_of_the_environment_and_is_logged(
    module: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with Stubber(module.client) as kinesis:
        for row in ROWS:
            assert isinstance(row, EventRow)
            kinesis.add_response(
                "put_records",
                ACCEPTED,
                {
                    "StreamName": "events",
                    "Records": [{"Data": outgoing(Insert("", row)).data, "PartitionKey": "acct-1"}],
                },
            )
        answer = module.handler({"Records": stream_records(ROWS)}, Context(60_000))
        kinesis.assert_no_pending_responses()
    assert answer == {"batchItemFailures": []}
    assert '"EventsPublished":[3.0]' in capsys.readouterr().out


def test_with_less_time_than_the_margin_nothing_is_sent_and_all_is_reported(module: ModuleType) -> None:
    with Stubber(module.client) as kinesis:
        kinesis.add_response("put_records", ACCEPTED)  # were it asked, the first record would be safe
        answer = module.handler({"Records": stream_records(ROWS)}, Context(int(SAFETY_MARGIN_S * 1000)))
    assert answer == {"batchItemFailures": [{"itemIdentifier": sequence_number(0)}]}


def test_the_client_does_not_retry_and_gives_up_before_the_margin_is_used_up(module: ModuleType) -> None:
    config = module.client.meta.config
    assert config.retries == {"total_max_attempts": 1, "mode": "legacy"}
    assert config.connect_timeout + config.read_timeout < SAFETY_MARGIN_S


def test_the_deadline_leaves_the_margin() -> None:
    assert deadline_s(now_s=100.0, remaining_ms=30_000) == 130.0 - SAFETY_MARGIN_S


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(LookupError, match="EVENT_STREAM_NAME"):
        Settings.read({})
