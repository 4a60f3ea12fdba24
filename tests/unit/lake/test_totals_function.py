"""The function that refreshes view and totals: what it logs and counts, and what happens if something fails."""

import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb
import duckdb_extension_httpfs
import pytest
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.engine import Engine, QueryFailed
from ops.lake.query.manifest import BadManifest
from ops.lake.query.totals import Totals
from ops.lake.totals_function.run import Run, RunFailed
from ops.lake.totals_function.settings import DUCKDB
from ops.lake.totals_function.time_limit import TimeLimited
from tests.support.lake import LakeRow, made_up, write
from tests.unit.lake.test_totals import Folder, expected, found

ENDLESS = "SELECT count(*) FROM range(1000000) AS a(x), range(1000000) AS b(y) WHERE (a.x * b.y) % 7 = 3"


class Function:
    """The function over a folder, with what it logs and emits."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.bucket, self._capsys = Folder(root), capsys
        self.engine: Callable[[str], Engine] = lambda day: DuckDBEngine(
            str(root), day=day, has_older_files=True, settings=DUCKDB | {"temp_directory": str(root / "tmp")}
        )
        self.refresh_history: Callable[[], bool] = lambda: False
        self.log: list[dict[str, Any]] = []
        self.metrics: dict[str, float] = {}

    def run(self, has_time: Callable[[], bool] = lambda: True) -> None:
        s3: Any = self.bucket
        lines = StringIO()
        metrics = Metrics(
            provider=AmazonCloudWatchEMFProvider(
                namespace="AccountEvents", service="lake-totals", default_dimensions={"Stack": "s"}
            )
        )
        totals = Totals(s3, "lake", self.engine)
        try:
            Run(totals, self.refresh_history, Logger(service=f"lake-totals-{id(lines)}", stream=lines), metrics)(
                has_time
            )
        finally:
            self.log = [json.loads(line) for line in lines.getvalue().splitlines()]
            emitted = map(json.loads, self._capsys.readouterr().out.splitlines())
            self.metrics = {
                name: values[0] for each in emitted for name, values in each.items() if name.startswith("Totals")
            }

    def fail_on(self, *days: str) -> None:
        engine = self.engine

        def failing(day: str) -> Engine:
            if day in days:
                raise QueryFailed("the file x.parquet is damaged")
            return engine(day)

        self.engine = failing


@pytest.fixture
def function(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Function:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    return Function(tmp_path, capsys)


def lake(function: Function, days: int = 4) -> list[LakeRow]:
    rows = made_up(11, 10, days, 50 * days)
    write(function.bucket.root, rows)
    return rows


def test_a_run_refreshes_the_totals_and_the_next_finds_nothing(function: Function) -> None:
    rows = lake(function)
    function.run()
    assert found(function.bucket) == expected(rows)
    assert function.metrics == {"TotalsRefreshed": 4, "TotalsRuns": 1}
    function.run()
    assert function.metrics == {"TotalsRefreshed": 0, "TotalsRuns": 1}


def test_a_day_that_fails_is_logged_and_raised_after_the_others(function: Function) -> None:
    rows = lake(function)
    function.fail_on("2026-08-02", "2026-08-03")
    with pytest.raises(
        RunFailed, match=r"^No totals could be computed for 2026-08-02, 2026-08-03. The log has the reasons.$"
    ):
        function.run()
    assert found(function.bucket) == {row for row in expected(rows) if row[0] in {"2026-08-01", "2026-08-04"}}
    assert function.metrics == {"TotalsRefreshed": 2}
    errors = [line for line in function.log if line["level"] == "ERROR"]
    assert [(line["day"], line["reason"]) for line in errors] == [
        ("2026-08-02", "the file x.parquet is damaged"),
        ("2026-08-03", "the file x.parquet is damaged"),
    ]


def messages(function: Function, level: str) -> list[tuple[str, str]]:
    return [(line["message"], line.get("reason", "")) for line in function.log if line["level"] == level]


def test_a_view_that_fails_is_raised_after_the_totals(function: Function) -> None:
    rows = lake(function)

    def refused() -> bool:
        raise BadManifest("the manifest is damaged")

    function.refresh_history = refused
    with pytest.raises(RunFailed, match=r"^The view account_history could not be refreshed. The log has the reasons.$"):
        function.run()
    assert found(function.bucket) == expected(rows)
    assert function.metrics == {"TotalsRefreshed": 4, "TotalsRuns": 1}, "the metrics are about the totals"
    assert messages(function, "ERROR") == [("view not refreshed", "BadManifest: the manifest is damaged")]


def test_totals_and_view_that_fail_are_raised_together(function: Function) -> None:
    lake(function)
    function.fail_on("2026-08-02")

    def lost() -> bool:
        raise ConnectionError

    function.refresh_history = lost
    with pytest.raises(RunFailed, match=r"for 2026-08-02\. The view account_history could not be refreshed"):
        function.run()


def test_the_view_is_refreshed_also_if_the_totals_cannot_be_listed(function: Function) -> None:
    """It is refreshed first, because the totals may also take all of the time."""
    done: list[str] = []

    def refreshed() -> bool:
        done.append("view")
        return True

    def lost(_name: str) -> Any:  # noqa: ANN401 -- the client's untyped method
        raise ConnectionError

    function.refresh_history, function.bucket.get_paginator = refreshed, lost  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        function.run()
    assert done == ["view"]
    assert messages(function, "INFO") == [("view replaced", "")]


def test_a_run_without_time_for_all_days_does_not_count(function: Function) -> None:
    """So the alarm on missing runs is raised if the function never catches up."""
    lake(function)
    calls = iter([True, True, False])
    function.run(lambda: next(calls))
    assert function.metrics == {"TotalsRefreshed": 2}
    assert (function.log[-1]["updated"], function.log[-1]["left"]) == (2, 2)
    function.run()
    assert function.metrics == {"TotalsRefreshed": 2, "TotalsRuns": 1}


def test_the_log_has_no_amount(function: Function) -> None:
    rows = lake(function)
    key = "events/dt=2026-08-02/event_type=BalanceCredited/text.parquet"
    written = str(function.bucket.root / key)
    columns = "'a' AS account_id, 'EUR' AS currency, 1::BIGINT AS sequence, '98.76x' AS amount"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT {columns}) TO '{written}'")
    with pytest.raises(RunFailed) as failed:
        function.run()
    text = json.dumps(function.log) + str(failed.value)
    assert "text.parquet" in text
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
    amounts = {each for row in expected(rows) for each in row if isinstance(each, Decimal) and each >= 100}
    assert amounts
    assert [amount for amount in [*amounts, "98.76x"] if str(amount) in text] == []


def test_an_engine_for_a_day_lists_and_reads_no_other_day(function: Function) -> None:
    lake(function)
    (function.bucket.root / "events/dt=2026-08-03/event_type=BalanceCredited/damaged.parquet").write_bytes(b"PAR1")
    engine = function.engine("2026-08-02")
    assert engine.query("SELECT DISTINCT dt FROM events").rows == [("2026-08-02",)]
    with pytest.raises(QueryFailed, match="daily_totals"):
        engine.query("SELECT * FROM daily_totals")


def test_a_query_that_takes_too_long_is_interrupted() -> None:
    engine = DuckDBEngine("no-such-folder")
    with pytest.raises(QueryFailed, match="took longer than 0 s"):
        TimeLimited(engine, 0.05, Timer).query(ENDLESS)
    assert engine.query("SELECT 1").rows == [(1,)]


def test_an_interrupt_is_repeated_until_the_query_ends() -> None:
    """DuckDB forgets an interrupt between two statements."""
    calls: list[Callable[[], None]] = []
    interrupts: list[str] = []

    class Clock:
        def __init__(self, _seconds: float, call: Callable[[], None]) -> None:
            calls.append(call)

        def start(self) -> None: ...

        def cancel(self) -> None: ...

    class Slow:
        connection: Any = type("Connection", (), {"interrupt": lambda _: interrupts.append("now")})()

        def query(self, _sql: str, _parameters: object) -> None:
            calls[-1]()
            calls[-1]()
            raise QueryFailed("INTERRUPT Error: Interrupted!")

    slow: Any = Slow()
    with pytest.raises(QueryFailed, match="took longer"):
        TimeLimited(slow, 60, Clock).query("SELECT 1")
    assert len(interrupts) == 2
    calls[-1]()
    assert len(interrupts) == 2, "the query has ended"


def test_other_failures_of_a_query_keep_their_reason() -> None:
    with pytest.raises(QueryFailed, match="nonsense"):
        TimeLimited(DuckDBEngine("no-such-folder"), 60, Timer).query("SELECT nonsense")


def test_duckdb_works_without_a_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Lambda sets no HOME."""
    monkeypatch.delenv("HOME")
    [extension] = Path(duckdb_extension_httpfs.__file__).parent.glob("extensions/*/httpfs.duckdb_extension")
    with duckdb.connect(config={**DUCKDB, "autoinstall_known_extensions": False}) as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute("CREATE SECRET lake (TYPE s3, KEY_ID 'k', SECRET 's', REGION 'eu-central-1')")
        connection.execute(f"COPY (SELECT 1 AS a) TO '{tmp_path / 'a.parquet'}'")
        found_setting = connection.execute("SELECT current_setting('home_directory')").fetchone()
    assert found_setting == (DUCKDB["home_directory"],)
