"""Counts the costs of DynamoDB clients from their requests and responses, independently of the measured code."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Cost:
    """Requests, RCU and WCU; `documented` is the part of the WCU that AWS documents but no store reports."""

    requests: float = 0
    read_units: float = 0.0
    write_units: float = 0.0
    documented: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.requests + other.requests,
            self.read_units + other.read_units,
            self.write_units + other.write_units,
            self.documented + other.documented,
        )

    def __truediv__(self, times: float) -> "Cost":
        return Cost(self.requests / times, self.read_units / times, self.write_units / times, self.documented / times)

    def is_at_most(self, other: "Cost") -> bool:
        return (
            self.requests <= other.requests
            and self.read_units <= other.read_units
            and self.write_units <= other.write_units
        )


FAILED_PUT_UNITS, FAILED_TRANSACTED_PUT_UNITS = 1, 2
"""For rows below 1 KB. AWS bills a write whose condition fails like a write that succeeds, but no store reports it.
Source: "DynamoDB read and write operations" (docs.aws.amazon.com/amazondynamodb/latest/developerguide/
read-write-operations.html)."""


@dataclass(slots=True)
class Meter:
    """Adds up the cost of all requests of the attached clients in `spent`."""

    spent: Cost = field(default_factory=Cost)

    def attach(self, client: Any) -> None:  # noqa: ANN401 -- a boto3 client
        client.meta.events.register("before-send.dynamodb", self._count)
        client.meta.events.register("after-call.dynamodb", self._add)

    def _count(self, **_: Any) -> None:  # noqa: ANN401 -- botocore's
        self.spent += Cost(requests=1)

    def _add(self, parsed: Any, model: Any, **_: Any) -> None:  # noqa: ANN401 -- botocore's
        match parsed.get("Error", {}).get("Code"):
            case "ConditionalCheckFailedException":
                self._add_failed(FAILED_PUT_UNITS)
            case "TransactionCanceledException":
                self._add_failed(FAILED_TRANSACTED_PUT_UNITS * len(parsed["CancellationReasons"]))
            case None:
                consumed = parsed.get("ConsumedCapacity") or []
                tables = consumed if isinstance(consumed, list) else [consumed]
                units = sum(table["CapacityUnits"] for table in tables)
                is_read = model.name == "Query"
                self.spent += Cost(read_units=units) if is_read else Cost(write_units=units)

    def _add_failed(self, units: float) -> None:
        self.spent += Cost(write_units=units, documented=units)
