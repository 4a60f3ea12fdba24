"""The capacity units of a consumer's requests to DynamoDB, counted by AWS's rules.

Every item is below 1 KB. Rules: Amazon DynamoDB developer guide, "DynamoDB read and write operations" (a write in a
transaction is two units; a strongly consistent read one, an eventually consistent one half) and "Global secondary
indexes" (a changed item is one more unit for each index that it is in).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Units:
    """Attributes: `idle_reads` are those of Queries, which an invocation makes whatever its events."""

    reads: float = 0.0
    writes: float = 0.0
    idle_reads: float = 0.0

    def add(self, operation: str, request: Mapping[str, Any], indexed_table: str) -> None:
        """Count a request. Items of `indexed_table` are in one index."""
        match operation:
            case "GetItem":
                self.reads += 1
            case "BatchGetItem":
                self.reads += sum(len(table["Keys"]) for table in request["RequestItems"].values())
            case "Query":
                self.idle_reads += 0.5
            case "PutItem" | "UpdateItem":
                self.writes += 1 + (request["TableName"] == indexed_table)
            case "TransactWriteItems":
                tables = [write["TableName"] for item in request["TransactItems"] for write in item.values()]
                self.writes += 2 * len(tables) + tables.count(indexed_table)
            case _:
                raise ValueError(f"The units of {operation} are not known.")


@contextmanager
def counted(client: Any, indexed_table: str) -> Iterator[Units]:  # noqa: ANN401 -- a boto3 or botocore client
    """Count the units of the client's requests inside the block."""
    units = Units()

    def add(params: Mapping[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 -- botocore's
        units.add(model.name, params, indexed_table)

    client.meta.events.register("before-parameter-build.dynamodb", add)
    yield units
    client.meta.events.unregister("before-parameter-build.dynamodb", add)
