"""The engine that queries Athena, in the stack's workgroup.

Source: Amazon Athena API Reference, StartQueryExecution (ExecutionParameters are SQL literals, in the order of the
`?`), GetQueryExecution, GetQueryResults (the first row of a SELECT is its header; a null has no VarCharValue).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.error_advice import advice
from ops.lake.query.engine import Answer, QueryFailed

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import QueryExecutionTypeDef

_DAMAGED = " Move the file out of events/, then run `account-events lake backfill --all --stack STACK`."
_RIGHTS = (
    " Assume the stack's LakeAnalystRole. If the account uses Lake Formation, the role needs grants: see "
    "docs/first-deployment.md."
)
ADVICE = {
    "Bytes scanned limit": " Query fewer days, or deploy the stack with a larger LakeQueryBytesMax.",
    **dict.fromkeys(
        ("events' does not exist", "history' does not exist", "cannot be resolved"),
        " Run `account-events lake tables --stack STACK`, which creates the views.",
    ),
    **dict.fromkeys(("HIVE_BAD_DATA", "HIVE_CANNOT_OPEN_SPLIT", "HIVE_CURSOR_ERROR"), _DAMAGED),
    **dict.fromkeys(("Access Denied", "PERMISSION_DENIED", "Insufficient permissions", "not authorized"), _RIGHTS),
}
"""Advice by a text that occurs in Athena's reason."""
POLL_FIRST_S, POLL_FACTOR, POLL_MAX_S = 0.25, 1.5, 5.0

_PARSED: dict[str, Callable[[str], Any]] = {
    "bigint": int,
    "integer": int,
    "smallint": int,
    "tinyint": int,
    "decimal": Decimal,
    "boolean": lambda text: text == "true",
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "varchar": str,
    "char": str,
    "string": str,
}


class AthenaEngine:
    """A `LocatingEngine` that runs queries in Athena.

    Args:
        client: the client of Athena.
        workgroup, database: the stack's workgroup and Glue database.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self, client: "AthenaClient", workgroup: str, database: str, *, sleep: Callable[[float], object]
    ) -> None:
        self._client, self._workgroup, self._database, self._sleep = client, workgroup, database, sleep

    def query(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        """See `Engine`."""
        execution = self._run(sql, parameters)
        read_bytes = execution.get("Statistics", {}).get("DataScannedInBytes")
        columns, rows = self._results(execution["QueryExecutionId"])
        return Answer(columns, rows, read_bytes)

    def located(self, columns: str, rest: str, parameters: Sequence[str] = ()) -> Answer:
        """See `LocatingEngine`. Source: Athena User Guide, "Get the file locations for source data in Amazon S3"."""
        events = '(SELECT *, "$path" AS file FROM account_events)'
        return self.query(f"SELECT {columns} FROM {events} {rest}", parameters)  # noqa: S608 -- the caller's SQL

    def execute(self, statement: str) -> None:
        """Run a statement that returns no rows, such as DDL.

        Raises:
            QueryFailed: Athena refused or aborted the statement.
        """
        self._run(statement, ())

    def _run(self, sql: str, parameters: Sequence[str]) -> "QueryExecutionTypeDef":
        given: dict[str, Any] = {"ExecutionParameters": [literal(each) for each in parameters]} if parameters else {}
        try:
            query_id = self._client.start_query_execution(
                QueryString=sql,
                QueryExecutionContext={"Database": self._database},
                WorkGroup=self._workgroup,
                **given,
            )["QueryExecutionId"]
            try:
                return self._awaited(query_id)
            except KeyboardInterrupt:
                with suppress(BotoCoreError, ClientError):
                    self._client.stop_query_execution(
                        QueryExecutionId=query_id
                    )  # otherwise it would run on and cost money
                raise
        except (BotoCoreError, ClientError) as error:
            raise QueryFailed(f"Athena: {error} {advice(error)}".rstrip()) from error

    def _awaited(self, query_id: str) -> "QueryExecutionTypeDef":
        pause_s = POLL_FIRST_S
        while True:
            execution = self._client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            status = execution.get("Status", {})
            match status.get("State"):
                case "SUCCEEDED":
                    return execution
                case "FAILED" | "CANCELLED" as state:
                    reason = status.get("StateChangeReason", "no reason given")
                    hint = next((what for words, what in ADVICE.items() if words in reason), "")
                    outcome = "failed" if state == "FAILED" else "was cancelled"
                    raise QueryFailed(f"Athena: the query {query_id} {outcome}: {reason}{hint}")
            self._sleep(pause_s)
            pause_s = min(POLL_MAX_S, pause_s * POLL_FACTOR)

    def _results(self, query_id: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        try:
            pages = list(self._client.get_paginator("get_query_results").paginate(QueryExecutionId=query_id))
        except (BotoCoreError, ClientError) as error:
            raise QueryFailed(f"Athena: {error} {advice(error)}".rstrip()) from error
        info = pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        types = [column["Type"] for column in info]
        rows = (row["Data"] for page in pages for row in page["ResultSet"]["Rows"])
        next(rows, None)  # the header
        return tuple(column["Name"] for column in info), [tuple(_values(types, row)) for row in rows]


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _values(types: Sequence[str], data: Sequence[Any]) -> Iterator[Any]:
    for kind, datum in zip(types, data, strict=True):
        text = datum.get("VarCharValue")
        try:
            yield None if text is None else _PARSED[kind](text)
        except KeyError:
            raise QueryFailed(
                f"Athena: this command does not support values of the type {kind}: cast them in the SQL."
            ) from None
