"""Athena's protocol: parameters as literals, polling, typed results of several pages, failures, Ctrl-C."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.lake.query.athena_engine import AthenaEngine
from ops.lake.query.engine import QueryFailed

TYPES = ("varchar", "bigint", "decimal", "timestamp", "date", "boolean")


class Athena:
    """A client that returns the given states in turn, and then the given pages."""

    def __init__(
        self, *states: str, pages: list[list[list[str | None]]] | None = None, types: tuple[str, ...] = TYPES
    ) -> None:
        self.states, self.pages, self.types = list(states), pages or [], types
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []

    def start_query_execution(self, **call: Any) -> dict[str, str]:  # noqa: ANN401 -- as botocore's
        self.started.append(call)
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, *, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803 -- as botocore's
        status = {"State": self.states.pop(0), "StateChangeReason": "SYNTAX_ERROR: line 1"}
        execution = {"QueryExecutionId": QueryExecutionId, "Status": status, "Statistics": {"DataScannedInBytes": 1234}}
        return {"QueryExecution": execution}

    def stop_query_execution(self, *, QueryExecutionId: str) -> None:  # noqa: N803 -- as botocore's
        self.stopped.append(QueryExecutionId)

    def get_paginator(self, name: str) -> "Athena":
        assert name == "get_query_results"
        return self

    def paginate(self, *, QueryExecutionId: str) -> Iterator[dict[str, Any]]:  # noqa: N803 -- as botocore's
        assert QueryExecutionId == "q-1"
        columns = [{"Name": f"c{number}", "Type": kind} for number, kind in enumerate(self.types)]
        for page in self.pages:
            rows = [{"Data": [{} if text is None else {"VarCharValue": text} for text in row]} for row in page]
            yield {"ResultSet": {"ResultSetMetadata": {"ColumnInfo": columns}, "Rows": rows}}


def engine(athena: Any, pauses: list[float] | None = None) -> AthenaEngine:  # noqa: ANN401 -- a fake of botocore's client
    return AthenaEngine(athena, "group", "base", sleep=(pauses if pauses is not None else []).append)


def test_an_answer_has_values_of_the_columns_types() -> None:
    header: list[str | None] = [f"c{number}" for number in range(len(TYPES))]
    first: list[str | None] = ["ü", "-7", "9999999999999999.99", "2026-11-25 09:30:00.123", "2026-11-25", "true"]
    athena = Athena("QUEUED", "RUNNING", "SUCCEEDED", pages=[[header, first], [[None] * len(TYPES)]])
    pauses: list[float] = []
    answer = engine(athena, pauses).query("SELECT ?", ["it's"])
    assert answer.columns == ("c0", "c1", "c2", "c3", "c4", "c5")
    assert answer.rows == [
        ("ü", -7, Decimal("9999999999999999.99"), datetime(2026, 11, 25, 9, 30, 0, 123_000), date(2026, 11, 25), True),  # noqa: DTZ001 -- UTC is meant
        (None,) * 6,
    ]
    assert answer.read_bytes == 1234
    [call] = athena.started
    assert call["ExecutionParameters"] == ["'it''s'"]
    assert (call["WorkGroup"], call["QueryExecutionContext"]) == ("group", {"Database": "base"})
    assert len(pauses) == 2
    assert pauses[0] < pauses[1]


def test_without_parameters_none_are_sent() -> None:
    athena = Athena("SUCCEEDED", pages=[[["c0"]]], types=("varchar",))
    assert engine(athena).query("SELECT 1").rows == []
    assert "ExecutionParameters" not in athena.started[0]


@pytest.mark.parametrize(("state", "outcome"), [("FAILED", "failed"), ("CANCELLED", "was cancelled")])
def test_a_failure_reports_the_reason(state: str, outcome: str) -> None:
    with pytest.raises(QueryFailed, match=f"q-1 {outcome}: SYNTAX_ERROR"):
        engine(Athena(state)).query("SELEC")


def test_an_unsupported_type_is_refused() -> None:
    athena = Athena("SUCCEEDED", pages=[[["c0"], ["1.5"]]], types=("double",))
    with pytest.raises(QueryFailed, match="double"):
        engine(athena).query("SELECT 1.5e0")


def test_an_interrupted_query_is_stopped() -> None:
    athena: Any = Athena("RUNNING")

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        AthenaEngine(athena, "group", "base", sleep=interrupt).query("SELECT 1")
    assert athena.stopped == ["q-1"]


def test_an_interrupt_ends_even_a_query_that_cannot_be_stopped() -> None:
    class Unstoppable(Athena):
        def stop_query_execution(self, **_: Any) -> None:  # noqa: ANN401 -- as botocore's
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "StopQueryExecution")

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    athena: Any = Unstoppable("RUNNING")
    with pytest.raises(KeyboardInterrupt):
        AthenaEngine(athena, "group", "base", sleep=interrupt).query("SELECT 1")


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("Query cancelled! : Bytes scanned limit was exceeded", "LakeQueryBytesMax"),
        ("TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.base.events' does not exist", "lake tables"),
        ("COLUMN_NOT_FOUND: line 9:1: Column 'occurred_at_us' cannot be resolved", "lake tables"),
        ("HIVE_BAD_DATA: Malformed Parquet file. Not valid [s3://lake/events/a]", "lake backfill --all"),
        ("HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split s3://lake/events/a", "Move the file out of events/"),
        ("Insufficient permissions to execute the query.", "LakeAnalystRole"),
        ("Access Denied (Service: Amazon S3; Status Code: 403)", "first-deployment"),
    ],
)
def test_a_failure_includes_advice(reason: str, advice: str) -> None:
    class Failing(Athena):
        def get_query_execution(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 -- as botocore's
            return {"QueryExecution": {"Status": {"State": "CANCELLED", "StateChangeReason": reason}}}

    with pytest.raises(QueryFailed, match=advice):
        engine(Failing()).query("SELECT 1")


def test_a_refusal_by_aws_is_reported() -> None:
    class Refusing(Athena):
        def start_query_execution(self, **_: Any) -> dict[str, str]:  # noqa: ANN401 -- as botocore's
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "StartQueryExecution")

    with pytest.raises(QueryFailed, match=r"AccessDenied.* Use AWS credentials that are allowed to do this"):
        engine(Refusing()).query("SELECT 1")
