"""The outcome of one invocation, and how many records of the batch it completes.

Source: AWS Lambda Developer Guide, "Configuring partial batch response with DynamoDB and Lambda" (success and failure
conditions; "Lambda uses the lowest sequence number as the checkpoint") and "Retain discarded records for a DynamoDB
event source in Lambda" (errors before and during invocation).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Invoked:
    """The function ran. `result` is its decoded JSON response; `function_error` is `Handled`, `Unhandled` or None."""

    result: Any = None
    function_error: str | None = None
    request_id: str = ""
    status_code: int = 200
    executed_version: str = "$LATEST"


@dataclass(frozen=True)
class NotInvoked:
    """The function did not run: it was throttled (TooManyRequests) or Lambda was unreachable. This uses no retry."""

    reason: str


@dataclass(frozen=True)
class Malformed:
    """The response has no documented meaning, so the whole batch counts as failed."""

    reason: str


@dataclass(frozen=True)
class BatchResult:
    """How many records at the start of a batch are done; the others are redelivered.

    `is_complete_failure`: a function error or a malformed response, so that no record is known to be done.
    """

    done: int
    is_complete_failure: bool = False


def batch_result(outcome: Invoked, sequence_numbers: Sequence[str], *, reports_item_failures: bool) -> BatchResult:
    """Apply the documented success and failure conditions to one batch.

    Without ReportBatchItemFailures the response is ignored: a batch without a function error is done.
    """
    if outcome.function_error is not None:
        return BatchResult(0, is_complete_failure=True)
    if not reports_item_failures:
        return BatchResult(len(sequence_numbers))
    failures = reported_failures(outcome.result, sequence_numbers)
    if isinstance(failures, Malformed):
        return BatchResult(0, is_complete_failure=True)
    return BatchResult(min(failures, default=len(sequence_numbers)))


def reported_failures(result: object, sequence_numbers: Sequence[str]) -> list[int] | Malformed:
    """The indexes of the failed records in a response; empty if all records are done.

    AWS documents that an empty or null response, or an empty or null `batchItemFailures`, is a success, and that an
    empty or null `itemIdentifier`, or a bad key name, is a complete failure. Where AWS is silent, this function errs on
    the safe side: an identifier outside the batch, a missing key `batchItemFailures` and any other shape are complete
    failures, so that a misspelt key does not lose records.
    """
    if result is None or result in ({}, [], ""):
        return []
    if not isinstance(result, Mapping) or "batchItemFailures" not in result:
        return Malformed("the response has no batchItemFailures")
    entries = result["batchItemFailures"]
    if entries is None:
        return []
    if not isinstance(entries, list):
        return Malformed("batchItemFailures is not an array")
    positions = {number: index for index, number in enumerate(sequence_numbers)}
    found: list[int] = []
    for entry in entries:
        identifier = entry.get("itemIdentifier") if isinstance(entry, Mapping) else None
        if not isinstance(identifier, str) or identifier not in positions:
            return Malformed(f"itemIdentifier {identifier!r} is not a sequence number of this batch")
        found.append(positions[identifier])
    return found
