"""Names and keys of the ledger's table: attributes, key schema, index, and the conditions of its queries. Pure.

docs/table.md describes each attribute. Nothing outside this package may repeat these names or calculate with versions
(tests/unit/account_core/test_one_layout.py). `items` converts rows to items and back, and computes versions.
"""

from collections.abc import Mapping
from typing import Any

ACCOUNT_ID, VERSION, COMMAND_ID = "AccountId", "Version", "CommandId"
TYPE, ROW_FORMAT, SEQUENCE, TIMESTAMP = "Type", "Format", "Sequence", "Timestamp"
OWNER, CURRENCY, AMOUNT, BALANCE, DIGEST = "Owner", "Currency", "Amount", "Balance", "Digest"
CORRELATION_ID, REQUEST_ID = "CorrelationId", "RequestId"
TRANSFER_ID, COUNTERPARTY_ID = "TransferId", "CounterpartyId"

COMMAND_INDEX = "ByCommandId"
KEY_SCHEMA = [{"AttributeName": ACCOUNT_ID, "KeyType": "HASH"}, {"AttributeName": VERSION, "KeyType": "RANGE"}]
TABLE_SCHEMA = {
    "AttributeDefinitions": [
        {"AttributeName": ACCOUNT_ID, "AttributeType": "S"},
        {"AttributeName": VERSION, "AttributeType": "N"},
        {"AttributeName": COMMAND_ID, "AttributeType": "S"},
    ],
    "KeySchema": KEY_SCHEMA,
    "LocalSecondaryIndexes": [
        {
            "IndexName": COMMAND_INDEX,
            "KeySchema": [
                {"AttributeName": ACCOUNT_ID, "KeyType": "HASH"},
                {"AttributeName": COMMAND_ID, "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}
"""The table's schema, in CreateTable's format; template.yaml declares the same."""
VERSION_IS_FREE = f"attribute_not_exists({VERSION})"
"""The condition of every put: a row is never overwritten."""
SNAPSHOT_OR_FREE: dict[str, Any] = {
    "ConditionExpression": f"{VERSION_IS_FREE} OR #type = :snapshot",
    "ExpressionAttributeNames": {"#type": TYPE},
    "ExpressionAttributeValues": {":snapshot": {"S": "SNAPSHOT"}},
}
"""The condition of a repaired snapshot: it replaces only a snapshot, because its state follows from the events."""


def key(account_id: str, version: int) -> dict[str, Any]:
    """A row's key, as an item in DynamoDB JSON."""
    return {ACCOUNT_ID: {"S": account_id}, VERSION: {"N": str(version)}}


def parts_of_key(item: object) -> tuple[str | None, str | None]:
    """The account id and the version, as text, of an item or its key; None for a part that is missing or malformed."""
    match item:
        case {"AccountId": {"S": str(account_id)}, "Version": {"N": str(number)}}:
            return account_id, number
        case {"AccountId": {"S": str(account_id)}}:
            return account_id, None
    return None, None


def rows_query(account_id: str, first: int | None = None, last: int | None = None) -> dict[str, Any]:
    """The parameters of a Query for an account's rows, from version `first` to `last` if they are given."""
    condition, values = f"{ACCOUNT_ID} = :account_id", {":account_id": {"S": account_id}}
    match first, last:
        case None, None:
            pass
        case _, None:
            condition += f" AND {VERSION} >= :first"
        case None, _:
            condition += f" AND {VERSION} <= :last"
        case _:
            condition += f" AND {VERSION} BETWEEN :first AND :last"
    bounds = {":first": first, ":last": last}
    values |= {name: {"N": str(version)} for name, version in bounds.items() if version is not None}
    return {"KeyConditionExpression": condition, "ExpressionAttributeValues": values}


def as_found(found: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """The condition of a put that replaces the row `found` by `item`: the row has not changed since it was read."""
    names = sorted({*found, *item})
    conditions = [
        f"#a{number} = :v{number}" if name in found else f"attribute_not_exists(#a{number})"
        for number, name in enumerate(names)
    ]
    return {
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#a{number}": name for number, name in enumerate(names)},
        "ExpressionAttributeValues": {f":v{n}": found[name] for n, name in enumerate(names) if name in found},
    }


def command_query(account_id: str, command_id: str) -> dict[str, Any]:
    """The parameters of a Query for the key of the row that a command wrote."""
    return {
        "IndexName": COMMAND_INDEX,
        "KeyConditionExpression": f"{ACCOUNT_ID} = :account_id AND {COMMAND_ID} = :command_id",
        "ExpressionAttributeValues": {":account_id": {"S": account_id}, ":command_id": {"S": command_id}},
    }
