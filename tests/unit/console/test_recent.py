"""The newest events and accounts: bounded, in order, and what continues where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.console.published import as_json, as_text
from ops.console.recent import RecentAccounts, Ring
from tests.unit.console.given import NOW, arrivals


@given(st.integers(1, 7), st.integers(0, 20), st.integers(0, 25), st.integers(1, 5))
def test_a_ring_returns_the_oldest_items_after_a_number(size: int, added: int, after: int, most: int) -> None:
    ring = Ring(size)
    ring.add({"number": number} for number in range(1, added + 1))
    found, last = ring.after(min(after, added), most)
    kept = [number for number in range(1, added + 1) if number > added - size and number > after]
    assert [each["number"] for each in found] == kept[:most]
    assert last == (found[-1]["number"] if found else max(min(after, added), added - size))
    assert len(ring) == min(size, added)


def test_the_oldest_account_is_forgotten() -> None:
    accounts = RecentAccounts(2)
    for name in ("a", "b", "a", "c"):
        accounts.add(name, 1 + (name == "a"), "now", {})
    assert [each.account_id for each in accounts.newest("", 9)] == ["c", "b"]
    accounts.add("b", 2, "now", {})
    assert [each.account_id for each in accounts.newest("", 9)] == ["b", "c"]


def test_accounts_are_found_by_the_beginning_of_their_id() -> None:
    accounts = RecentAccounts()
    for name in ("ab-1", "ab-2", "b-1", "ab-3"):
        accounts.add(name, 1, "now", {})
    assert [each.account_id for each in accounts.newest("ab", 2)] == ["ab-3", "ab-2"]
    assert accounts.newest("x", 9) == []


@pytest.mark.parametrize(
    ("sequences", "order"),
    [
        ([7], "first"),
        ([7, 8], "next"),
        ([7, 8, 8], "repeat"),
        ([7, 8, 3], "repeat"),
        ([7, 9], "gap"),
        ([9, 7, 10], "next"),
    ],
)
def test_each_event_shows_how_it_follows_the_one_before(sequences: list[int], order: str) -> None:
    accounts = RecentAccounts()
    assert [accounts.add("a", each, "now", {}) for each in sequences][-1] == order


def test_the_order_of_an_account_outlives_its_place_among_the_newest() -> None:
    accounts = RecentAccounts(1)
    for name in ("a", "b"):
        accounts.add(name, 7, "now", {})
    assert [each.account_id for each in accounts.newest("", 9)] == ["b"]
    assert [accounts.add("a", sequence, "now", {}) for sequence in (7, 9)] == ["repeat", "gap"]


def test_the_order_of_the_oldest_accounts_is_forgotten() -> None:
    accounts = RecentAccounts(1, sequences_max=2)
    for name in ("a", "b", "c"):
        accounts.add(name, 7, "now", {})
    assert accounts.add("b", 7, "now", {}) == "repeat"
    assert accounts.add("a", 7, "now", {}) == "first"


def test_a_repeated_event_changes_no_account() -> None:
    accounts = RecentAccounts()
    accounts.add("a", 1, "then", {"owner": "o", "currency": "EUR", "balance": "0.00"})
    accounts.add("a", 2, "now", {"currency": "EUR", "balance": "5.00"})
    accounts.add("a", 1, "then", {"owner": "o", "currency": "EUR", "balance": "0.00"})
    [found] = accounts.newest("", 9)
    assert (found.owner, found.balance, found.sequence, found.at) == ("o", "5.00", 2, "now")


def test_an_event_is_shown_with_its_fields_as_text_and_its_lag() -> None:
    accounts = RecentAccounts()
    created, credited = (as_json(each, accounts) for each in arrivals("a", "5.00"))
    assert created["fields"]["owner"] == "owner-1"
    assert (created["order"], credited["order"]) == ("first", "next")
    assert {name: credited[name] for name in ("event_id", "account_id", "sequence", "type", "shard_id")} == {
        "event_id": "a:2",
        "account_id": "a",
        "sequence": 2,
        "type": "BalanceCredited",
        "shard_id": "shard-1",
    }
    assert credited["fields"] == {
        "correlation_id": "c-a-2",
        "causation_id": "k-2",
        "request_id": "r-a-2",
        "amount": "5.00",
        "currency": "EUR",
        "balance": "5.00",
        "transfer_id": None,
        "counterparty_account_id": None,
    }
    assert credited["occurred_at"] == "2026-08-01T10:30:00.000000Z"
    assert credited["seen_at"] == "2026-08-02T09:30:00.000000Z"
    assert credited["lag"] == {"to_stream_ms": 23 * 3_600_000 - 100, "to_console_ms": 100}


def test_clocks_that_differ_give_no_negative_lag() -> None:
    [created] = arrivals("a")
    later = type(created)(created.event, "s", "1", created.event.fields["occurred_at"].replace(year=2025), NOW)
    assert as_json(later, RecentAccounts())["lag"]["to_stream_ms"] == 0


def test_a_long_or_binary_value_is_shown_as_short_text() -> None:
    assert as_text("x" * 5_000) == "x" * 500
    assert as_text(b"\x00\xff") == "00ff"
    assert as_text(None) is None
