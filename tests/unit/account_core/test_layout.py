"""The keys of the ledger's rows, and the conditions of its queries."""

from typing import Any

import pytest

from account_core.rows.layout import key, parts_of_key, rows_query


def test_a_key_is_parsed_into_the_parts_it_was_made_from() -> None:
    assert parts_of_key(key("a", 7)) == ("a", "7")


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        ({"AccountId": {"S": "a"}}, ("a", None)),
        ({"AccountId": {"S": "a"}, "Version": {"S": "7"}}, ("a", None)),
        ({"AccountId": {"S": "a"}, "Version": {"N": 7}}, ("a", None)),
        ({"Version": {"N": "7"}}, (None, None)),
        ({"AccountId": {"N": "1"}, "Version": {"N": "7"}}, (None, None)),
        ({"AccountId": "a"}, (None, None)),
        (None, (None, None)),
        ("a/7", (None, None)),
    ],
)
def test_a_damaged_key_has_no_parts(item: Any, parts: tuple[str | None, str | None]) -> None:  # noqa: ANN401 -- anything
    assert parts_of_key(item) == parts


@pytest.mark.parametrize(
    ("bounds", "condition", "values"),
    [
        ({}, "AccountId = :account_id", {}),
        ({"first": 2}, "AccountId = :account_id AND Version >= :first", {":first": {"N": "2"}}),
        ({"last": 5}, "AccountId = :account_id AND Version <= :last", {":last": {"N": "5"}}),
        (
            {"first": 2, "last": 5},
            "AccountId = :account_id AND Version BETWEEN :first AND :last",
            {":first": {"N": "2"}, ":last": {"N": "5"}},
        ),
    ],
)
def test_a_query_asks_for_the_rows_between_its_bounds(
    bounds: dict[str, int], condition: str, values: dict[str, Any]
) -> None:
    assert rows_query("a", **bounds) == {
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {":account_id": {"S": "a"}, **values},
    }
