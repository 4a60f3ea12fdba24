from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_core.domain.errors import Corrupt
from account_core.domain.events import (
    Created,
    Credited,
    Event,
    EventRow,
    IgnoredSnapshot,
    Row,
    SnapshotRow,
    Transfer,
    Withdrawn,
)
from account_core.domain.money import MONEY_MAX
from account_core.rows.items import (
    SNAPSHOT_EVERY,
    from_item,
    interval_of,
    is_snapshot_version,
    last_version_of,
    sequence_from,
    sequence_through,
    snapshots_among,
    to_item,
    version_of,
)
from tests.support.amounts import cents
from tests.support.spellings import OTHER_NUMBERS, OTHER_TIMES

MONEY = cents("0")
TEXT = st.text(min_size=1, max_size=20)
AMOUNTS = cents()
SEQUENCES = st.integers(1, 10**9)


def events_of(account_id: str) -> st.SearchStrategy[Event]:
    transfers = st.none() | st.builds(Transfer, TEXT, TEXT.filter(lambda other: other != account_id))
    return st.one_of(
        st.builds(Created, TEXT, st.just("EUR")),
        st.builds(Credited, AMOUNTS, transfers),
        st.builds(Withdrawn, AMOUNTS, transfers),
    )


@st.composite
def event_rows(draw: st.DrawFn) -> Row:
    sequence, account_id = draw(SEQUENCES), draw(TEXT)
    return EventRow(
        account_id=account_id,
        version=version_of(sequence),
        sequence=sequence,
        occurred_at="2026-01-31T09:30:00.000001Z",
        event=draw(events_of(account_id)),
        balance=draw(MONEY),
        currency="EUR",
        correlation_id=draw(TEXT),
        request_id=draw(st.none() | TEXT),
        command_id=draw(st.none() | TEXT),
    )


@st.composite
def snapshot_rows(draw: st.DrawFn) -> Row:
    snapshot_interval = draw(SEQUENCES)
    return SnapshotRow(
        draw(TEXT),
        snapshot_interval * 10,
        snapshot_interval * 9,
        "2026-01-31T09:30:00.000001Z",
        draw(TEXT),
        "EUR",
        draw(MONEY),
    )


@given(st.one_of(event_rows(), snapshot_rows()))
def test_a_row_is_read_as_it_was_stored(row: Row) -> None:
    assert from_item(to_item(row)) == row


@given(st.one_of(event_rows(), snapshot_rows()))
def test_only_a_row_of_a_transfer_has_the_newest_format(row: Row) -> None:
    is_of_transfer = isinstance(row, EventRow) and getattr(row.event, "transfer", None) is not None
    item = to_item(row)
    assert (item["Format"] == {"N": "3"}) is is_of_transfer
    assert ("TransferId" in item, "CounterpartyId" in item) == (is_of_transfer, is_of_transfer)


@given(SEQUENCES)
def test_only_snapshots_are_between_the_versions_of_events(sequence: int) -> None:
    version, following = version_of(sequence), version_of(sequence + 1)
    assert not is_snapshot_version(version)
    assert following - version == (2 if is_snapshot_version(version + 1) else 1)
    assert version_of(1) == 1


@given(st.integers(1, 10**9))
def test_events_around_a_row_are_the_nearest_ones(version: int) -> None:
    first, last = sequence_from(version), sequence_through(version)
    assert version_of(last) <= version <= version_of(first)
    assert first - last == is_snapshot_version(version)


@given(st.integers(1, 10**9))
def test_an_interval_ends_with_the_snapshot_after_its_rows(version: int) -> None:
    closing = last_version_of(interval_of(version))
    assert is_snapshot_version(closing)
    assert version <= closing < version + SNAPSHOT_EVERY


@given(st.integers(1, 10**6), st.integers(1, 200))
def test_a_page_of_events_has_no_more_snapshots_than_expected(first: int, events: int) -> None:
    with_their_snapshots = version_of(first + events) - version_of(first)
    assert with_their_snapshots - events <= snapshots_among(events)


def _item(**changed: object) -> dict[str, Any]:
    item = to_item(EventRow("a", 2, 2, "2026-01-31T09:30:00.000001Z", Credited(Decimal(5)), Decimal(5), "EUR", "c"))
    return {name: value for name, value in {**item, **changed}.items() if value is not None}


@pytest.mark.parametrize(
    "changed",
    [
        {"Type": {"S": "REVERSAL"}},
        {"Type": {"S": "SNAPSHOT"}},
        {"Format": {"N": "3"}},
        {"Format": {"N": "4"}},
        {"Format": {"N": "0"}},
        {"Format": None},
        {"Amount": None},
        {"Amount": {"N": "1.005"}},
        {"Amount": {"N": "-1"}},
        {"Amount": {"S": "1"}},
        {"Amount": {"N": "many"}},
        {"Amount": {"N": "NaN"}},
        {"Balance": {"N": "1e40"}},
        {"Version": {"N": "10"}},
        {"Version": {"N": "0"}},
        {"Sequence": {"N": "0"}},
        {"Sequence": {"N": "7"}},
        {"Amount": {"N": "0"}},
        {"Timestamp": None},
        {"Timestamp": {"N": "1"}},
        {"Currency": "EUR"},
    ],
)
def test_a_malformed_item_is_corrupt_and_the_message_names_its_row(changed: dict[str, Any]) -> None:
    with pytest.raises(Corrupt, match=r"row a/"):
        from_item(_item(**changed))


TRANSFER = {"Format": {"N": "3"}, "TransferId": {"S": "t"}, "CounterpartyId": {"S": "b"}}


@pytest.mark.parametrize(
    "changed",
    [
        {"TransferId": None},
        {"CounterpartyId": None},
        {"TransferId": {"NULL": True}},
        {"CounterpartyId": {"NULL": True}},
        {"TransferId": {"S": ""}},
        {"CounterpartyId": {"S": ""}},
        {"CounterpartyId": {"S": "a"}},
        {"TransferId": {"N": "1"}},
        {"Type": {"S": "CREATED"}, "Owner": {"S": "o"}, "Amount": None},
    ],
)
def test_a_transfer_without_its_id_or_other_account_is_corrupt(changed: dict[str, Any]) -> None:
    with pytest.raises(Corrupt, match=r"row a/2"):
        from_item(_item(**{**TRANSFER, **changed}))


@pytest.mark.parametrize(
    "row_format", [{"Format": {"N": "2"}}, {"Format": {"N": "1"}, "RequestId": None}], ids=["format 2", "format 1"]
)
def test_only_format_3_makes_a_row_one_of_a_transfer(row_format: dict[str, Any]) -> None:
    found = from_item(_item(**{**TRANSFER, **row_format}))
    assert isinstance(found, EventRow)
    assert found.event == Credited(Decimal("5.00"))


def test_an_item_without_a_key_is_corrupt() -> None:
    with pytest.raises(Corrupt, match=r"row \?/\?"):
        from_item({})


def _snapshot(**changed: object) -> dict[str, Any]:
    item = to_item(SnapshotRow("a", 20, 18, "2026-01-31T09:30:00.000001Z", "owner-1", "EUR", Decimal("5.00")))
    return {**item, **changed}


@pytest.mark.parametrize(
    "changed",
    [
        {"Balance": {"N": "500"}},
        {"Owner": {"S": "owner-2"}},
        {"Currency": {"S": "USD"}},
        {"AccountId": {"S": "b"}},
        {"Version": {"N": "30"}, "Sequence": {"N": "27"}},
        {"Digest": {"S": "0" * 64}},
        {"Digest": {"NULL": True}},
        {"Timestamp": {"S": "2999-01-31T09:30:00.000001Z"}},
        {"Timestamp": {"S": "zzz"}},
        {"Balance": {"N": "-5"}},
        {"Balance": {"N": "8.001"}},
        {"Balance": {"S": "8"}},
        {"Owner": {}},
        {"Sequence": {"N": "17"}},
        {"Format": {"NULL": True}},
    ],
)
def test_a_damaged_snapshot_is_ignored(changed: dict[str, Any]) -> None:
    found = from_item(_snapshot(**changed))
    assert isinstance(found, IgnoredSnapshot)
    assert found.is_damaged


@pytest.mark.parametrize("number", ["1", "3", "99"])
def test_a_snapshot_of_another_format_is_ignored_whatever_it_contains(number: str) -> None:
    item = {name: _snapshot()[name] for name in ("AccountId", "Version", "Type")} | {"Format": {"N": number}}
    found = from_item(item)
    assert isinstance(found, IgnoredSnapshot)
    assert (found.account_id, found.version, found.is_damaged) == ("a", 20, False)


@pytest.mark.parametrize("missing", ["Balance", "Owner", "Digest", "Format", "Sequence", "Timestamp"])
def test_a_snapshot_with_a_missing_attribute_is_ignored(missing: str) -> None:
    item = {name: value for name, value in _snapshot().items() if name != missing}
    found = from_item(item)
    assert isinstance(found, IgnoredSnapshot)
    assert (found.version, found.is_damaged) == (20, True)


@pytest.mark.parametrize(
    "at",
    [
        "zzz",
        "",
        "2026-01-31",
        "2026-01-31T09:30:00Z",
        "2026-01-31T10:30:00.000001+01:00",
        "2026-13-31T09:30:00.000001Z",
        *OTHER_TIMES,
    ],
)
def test_a_time_in_another_form_is_corrupt(at: str) -> None:
    item = to_item(SnapshotRow("a", 20, 18, "2026-01-31T09:30:00.000001Z", "owner-1", "EUR", Decimal("5.00")))
    event = {**item, "Type": {"S": "CREDIT"}, "Version": {"N": "2"}, "Sequence": {"N": "2"}, "Amount": {"N": "1"}}
    event |= {"CorrelationId": {"S": "c"}, "RequestId": {"S": "r"}}
    assert isinstance(from_item(event), EventRow)
    with pytest.raises(Corrupt, match="row a/2: its Timestamp is not a time in ISO 8601 UTC with six decimals"):
        from_item({**event, "Timestamp": {"S": at}})


@pytest.mark.parametrize("name", ["Amount", "Balance", "Sequence", "Version", "Format"])
@pytest.mark.parametrize("number", OTHER_NUMBERS)
def test_a_number_that_only_python_accepts_is_corrupt(name: str, number: str) -> None:
    with pytest.raises(Corrupt, match="row a/"):
        from_item(_item(**{name: {"N": number}}))


@pytest.mark.parametrize("number", OTHER_NUMBERS)
def test_a_snapshot_whose_format_only_python_accepts_is_damaged(number: str) -> None:
    found = from_item(_snapshot(Format={"N": number}))
    assert isinstance(found, IgnoredSnapshot)
    assert found.is_damaged


def test_a_snapshot_of_another_format_at_a_wrong_version_is_corrupt() -> None:
    with pytest.raises(Corrupt, match="row a/21"):
        from_item(_snapshot(Format={"N": "3"}, Version={"N": "21"}))


def test_the_largest_row_costs_one_write_unit() -> None:
    """An upper bound: the characters of name and value, and one more. AWS packs two digits of a number in a byte."""
    row = EventRow(
        account_id="a" * 64,
        version=version_of(10**9),
        sequence=10**9,
        occurred_at="2026-01-31T09:30:00.000001Z",
        event=Created("o" * 64, "EUR"),
        balance=MONEY_MAX,
        currency="EUR",
        correlation_id="c" * 128,
        request_id="r" * 128,
        command_id="k" * 128,
    )
    for largest in (row, replace(row, event=Withdrawn(MONEY_MAX, Transfer("t" * 36, "b" * 64)))):
        assert sum(len(name) + len(next(iter(value.values()))) + 1 for name, value in to_item(largest).items()) < 1024
