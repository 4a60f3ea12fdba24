"""`account-events why` about transfers: both events are followed, and the counterparty is named."""

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from account_core.domain.events import Credited, EventRow, Transfer, Withdrawn
from ops.why.facts import EventKey
from ops.why.timeline import line_of, timeline
from tests.support.aws_stack import AwsStack
from tests.support.ledger_and_lake import history
from tests.unit.why.conftest import Why
from tests.unit.why.given import KEY, REQUEST, ROW, line, only_written

PAID, RECEIVED = EventKey("a-2", 3), EventKey("a-1", 2)
TRANSFER_ID = "3a7c0f52d1e84b6f9c2d5e8a1b4f7c90"


@pytest.fixture
def transferred(healthy: AwsStack, monkeypatch: pytest.MonkeyPatch) -> AwsStack:
    """Event 3 of a-2 and event 2 of a-1 are a transfer, whose request is in the log."""
    rows = {name: [*healthy.rows[name]] for name in ("a-1", "a-2")}
    paid = replace(healthy.events("a-2")[2], event=Withdrawn(Decimal("1.00"), Transfer(TRANSFER_ID, "a-1")))
    received = replace(
        healthy.events("a-1")[1],
        event=Credited(Decimal("1.00"), Transfer(TRANSFER_ID, "a-2")),
        balance=Decimal("1.00"),
        occurred_at=paid.occurred_at,
        correlation_id=TRANSFER_ID,
        request_id=None,
        command_id=None,
    )
    rows["a-2"][2] = paid
    rows["a-1"][1:] = [received]
    for name, each in rows.items():
        monkeypatch.setitem(healthy.rows, name, each)
    monkeypatch.setattr(healthy, "log", [line(paid, operation="transfer", transfer_id=TRANSFER_ID)])
    return healthy


@pytest.mark.parametrize(
    ("asked", "first"), [("a-2:3", "a-2:3"), ("a-1:2", "a-1:2"), ("r-a-2-3", "a-2:3"), (TRANSFER_ID, "a-2:3")]
)
def test_both_events_of_a_transfer_are_followed(transferred: AwsStack, why: Why, asked: str, first: str) -> None:
    found = json.loads(why(transferred, asked, "--json").stdout)
    assert [event["event_id"] for event in found["events"]] == [first, {"a-2:3": "a-1:2", "a-1:2": "a-2:3"}[first]]
    for event in found["events"]:
        other = {"a-2:3": "a-1:2", "a-1:2": "a-2:3"}[event["event_id"]]
        account_id = other.partition(":")[0]
        assert event["transfer"] == {
            "transfer_id": TRANSFER_ID,
            "counterparty_account_id": account_id,
            "other_event_id": other,
        }
        [request] = [hop for hop in event["timeline"] if hop["where"] == "request"]
        assert "transfer answered 200; request id r-a-2-3" in request["what"]
    assert found["events_found"] == 1


def test_the_answer_names_the_transfers_other_event(transferred: AwsStack, why: Why) -> None:
    shown = why(transferred, TRANSFER_ID).stdout
    assert f"{TRANSFER_ID} is the transfer id of event a-2:3." in shown
    assert "The other event of its transfer:" in shown
    assert f"transfer {TRANSFER_ID} from account a-2, event a-2:3" in shown


def test_an_accounts_events_show_transfers_without_following_them(transferred: AwsStack, why: Why) -> None:
    done = why(transferred, "a-1", "--json")
    events = json.loads(done.stdout)["events"]
    assert [event["event_id"] for event in events] == ["a-1:2", "a-1:1"]
    assert events[0]["transfer"]["counterparty_account_id"] == "a-2"
    assert "CREDIT" in (shown := why(transferred, "a-1").stdout)
    assert f"transfer {TRANSFER_ID} from account a-2" in shown


def test_an_old_transfers_other_event_is_found_by_its_time(
    transferred: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = datetime.fromisoformat(transferred.events("a-1")[0].occurred_at)
    rows = history("a-1", *["1.00"] * 30, start=start)
    third = rows[2]
    assert isinstance(third, EventRow)
    assert third.occurred_at == transferred.events("a-2")[2].occurred_at
    rows[2] = replace(third, event=Credited(Decimal("1.00"), Transfer(TRANSFER_ID, "a-2")))
    monkeypatch.setitem(transferred.rows, "a-1", rows)
    found = json.loads(why(transferred, "a-2:3", "--json").stdout)
    assert [event["event_id"] for event in found["events"]] == ["a-2:3", "a-1:3"]


def test_a_counterparty_that_cannot_be_read_hides_nothing(
    transferred: AwsStack, why: Why, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(transferred.rows, "a-1", [replace(transferred.rows["a-1"][1], currency="?")])
    done = why(transferred, "a-2:3")
    assert f"transfer {TRANSFER_ID} to account a-1\n" in done.stdout
    assert "Not searched: the other account of the transfer: " in done.stderr


def test_a_received_transfer_without_a_log_line_names_what_made_it() -> None:
    row = replace(ROW, correlation_id="t-1", request_id=None, command_id=None, transfer=Transfer("t-1", "a-2"))
    [hop, *_] = timeline(only_written(row=row, other=PAID))
    assert (hop.where, hop.is_reached) == ("request", False)
    assert hop.what.startswith("made by the transfer t-1 from account a-2, event a-2:3; the ids of the request are in")


def test_a_paid_transfer_names_the_receiver() -> None:
    row = replace(ROW, kind="WITHDRAW", transfer=Transfer("t-1", "a-2"))
    [table] = [hop for hop in timeline(only_written(row=row)) if hop.where == "table"]
    assert table.what == f"WITHDRAW, version 3, sequence {KEY.sequence}, transfer t-1 to account a-2"


def test_the_line_of_a_transfers_request_has_its_id() -> None:
    assert "correlation id c-1, transfer id t-1, idempotency key k-1" in line_of(replace(REQUEST, transfer_id="t-1"))
