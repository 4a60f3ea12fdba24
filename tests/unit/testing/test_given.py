"""A stream made of commands has the rows that the service would have written."""

from decimal import Decimal

import pytest

from account_core.domain.commands import Command, CreateAccount, Credit, Withdraw
from account_core.domain.errors import InsufficientFunds
from account_core.domain.events import EventRow
from account_core.rows.items import from_item, to_item
from account_events.testing import BadReplay, TableStream, in_turn, shuffled
from account_events.testing.records import number_of
from tests.support.given import given
from tests.support.rows import account_of, history
from tests.unit.testing.streams import CENTS, table_stream

CREATE = CreateAccount("owner-1", "EUR")


def test_rows_snapshots_and_versions_are_those_of_the_service() -> None:
    stream = table_stream("a", 12)
    rows = [from_item(image) for image in stream.images()]
    assert [row.version for row in rows] == list(range(1, 14))
    assert [image["Type"]["S"] for image in stream.images()] == [
        *("CREATED", *["CREDIT"] * 8, "SNAPSHOT", *["CREDIT"] * 2, "WITHDRAW")
    ]
    assert stream.images()[-1]["Balance"] == {"N": "99.99"}


def test_records_have_the_form_in_which_lambda_delivers_them() -> None:
    [record] = given(("a", CREATE)).records
    change = record["dynamodb"]
    assert (record["eventName"], record["eventSource"], change["StreamViewType"]) == (
        *("INSERT", "aws:dynamodb", "NEW_IMAGE"),
    )
    assert change["Keys"] == {"AccountId": {"S": "a"}, "Version": {"N": "1"}}
    assert change["NewImage"]["Timestamp"] == {"S": "2026-01-31T09:00:01.000000Z"}


def test_a_history_can_last_longer_than_an_hour() -> None:
    rows = [from_item(to_item(row)) for row in history("a", 3_601)]
    at = {row.sequence: row.occurred_at for row in rows if isinstance(row, EventRow)}
    assert (at[1], at[61]) == ("2026-01-31T09:00:01.000001Z", "2026-01-31T09:01:01.000001Z")
    assert (at[3_599], at[3_600]) == ("2026-01-31T09:59:59.000001Z", "2026-01-31T10:00:00.000001Z")


def test_a_refused_command_raises_an_error_that_names_its_step() -> None:
    with pytest.raises(InsufficientFunds) as refused:
        given(("a", CREATE), ("a", Withdraw(CENTS)))
    assert refused.value.__notes__ == [f"step 2 of given(): a, Withdraw(amount={CENTS!r})"]


def test_keyed_commands_have_idempotency_keys() -> None:
    assert [image.get("CommandId") for image in given(("a", CREATE), keyed=True).images()] == [{"S": "k-1"}]
    assert "CommandId" not in given(("a", CREATE)).images()[0]


def test_a_repeated_command_makes_no_record() -> None:
    assert len(given(("a", CREATE), ("a", CREATE)).records) == 1


def test_accounts_take_turns_or_are_mixed_by_a_seed() -> None:
    commands: dict[str, list[Command]] = {"a": [CREATE, Credit(CENTS), Credit(Decimal("1.00"))], "b": [CREATE]}
    assert [account_id for account_id, _ in in_turn(commands)] == ["a", "b", "a", "a"]
    mixed = in_turn(commands, seed=3)
    assert mixed == in_turn(commands, seed=3)
    assert len({tuple(account_id for account_id, _ in in_turn(commands, seed)) for seed in range(30)}) == 4
    assert [command for account_id, command in mixed if account_id == "a"] == commands["a"]


def test_a_shuffle_keeps_accounts_in_order_and_numbers_increasing() -> None:
    stream = table_stream("abc", 9)
    mixed = shuffled(stream, seed=1)
    assert [account_of(record) for record in mixed.records] != [account_of(record) for record in stream.records]
    for account_id in "abc":
        images = [record["dynamodb"]["NewImage"] for record in mixed.records if account_of(record) == account_id]
        assert images == [image for image in stream.images() if image["AccountId"]["S"] == account_id]
    numbers = [int(number_of(record)) for record in mixed.records]
    assert numbers == sorted(set(numbers))


def test_a_split_keeps_each_account_in_one_child() -> None:
    stream = table_stream("abcdef", 6)
    parent, *children = stream.split(7).shards
    assert parent.records == stream.records[:7]
    assert [child.parent_id for child in children] == [parent.shard_id] * 2
    owners = [{account_of(record) for record in child.records} for child in children]
    assert all(owners)
    assert not owners[0] & owners[1]
    assert sum(len(child.records) for child in children) == len(stream.records) - 7


@pytest.mark.parametrize("after", [0, 36, 37, -1])
def test_a_split_with_an_empty_side_is_refused(after: int) -> None:
    with pytest.raises(BadReplay, match="leaves one side empty"):
        table_stream("abcdef", 6).split(after)


def test_a_second_split_is_refused() -> None:
    with pytest.raises(BadReplay, match="the stream has 3 shards"):
        table_stream().split(3).split(2)


def test_records_that_are_not_in_order_are_refused() -> None:
    first, second, *_ = table_stream().records
    with pytest.raises(BadReplay, match="they must increase"):
        TableStream.of([second, first])
    with pytest.raises(BadReplay, match="they must increase"):
        TableStream.of([first, first])
