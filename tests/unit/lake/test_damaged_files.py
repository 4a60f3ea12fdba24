"""Damaged files of the lake: the error names the file and what to do, wherever the file is in the lake."""

import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import pyarrow.parquet
import pytest

from account_events.consumer import Decoder
from consumers.lake.rows import Rows
from ops.lake.query.duckdb_engine import DuckDBEngine
from ops.lake.query.duckdb_errors import translated
from ops.lake.query.engine import QueryFailed
from ops.lake.query.totals import totals_key
from ops.lake.reconcile.comparison import Comparison
from ops.lake.repair.backfill import MissingSink
from tests.support.lake import made_up, write
from tests.support.ledger_and_lake import lake_rows
from tests.unit.lake.reconcile_given import A, LedgerAndLake
from tests.unit.lake.test_totals import Folder, totals

Damage = Callable[[bytes, pyarrow.parquet.FileMetaData], bytes]


def in_a_page(body: bytes, file: pyarrow.parquet.FileMetaData) -> bytes:
    """Change bytes of the second column, after the page's header."""
    column = file.row_group(0).column(1)
    first = column.data_page_offset + 40
    last = column.data_page_offset + min(column.total_compressed_size, 200)
    return body[:first] + bytes(each ^ 0xFF for each in body[first:last]) + body[last:]


def with_codec_lzo(body: bytes, _: pyarrow.parquet.FileMetaData) -> bytes:
    """Change the codec from SNAPPY (1) to LZO (3): field 4 in Thrift's compact protocol, zigzag, after the path."""
    before, name, after = body.rpartition(b"event_id\x15\x02")
    assert name
    return before + b"event_id\x15\x06" + after


def with_a_name_not_in_utf8(body: bytes, _: pyarrow.parquet.FileMetaData) -> bytes:
    """Put a byte that is not UTF-8 into a column's name in the footer's schema."""
    before, name, after = body.partition(b"\x18\x06amount")
    assert name
    return before + b"\x18\x06am\xffunt" + after


def with_types_that_conflict(body: bytes, _: pyarrow.parquet.FileMetaData) -> bytes:
    """Change the physical type from BYTE_ARRAY to INT64, which contradicts the converted type UTF8."""
    start = body.rindex(b"\x18\x08event_id%")
    type_ = body.rindex(b"\x15\x0c", 0, start)
    return body[:type_] + b"\x15\x04" + body[type_ + 2 :]


DAMAGES: dict[str, Damage] = {
    "no bytes": lambda _body, _: b"",
    "text": lambda _body, _: b"this is no Parquet file",
    "the first bytes": lambda body, _: body[:4],
    "half of it": lambda body, _: body[: len(body) // 2],
    "all but the end": lambda body, _: body[:-3],
    "a footer of another length": lambda body, _: body[:-8] + b"\xff\xff\xff\x7f" + body[-4:],
    "page headers": lambda body, _: body[:8] + b"\xff" * 400 + body[408:],
    "in a page": in_a_page,
    "an unknown codec": with_codec_lzo,
    "a name that is not UTF-8": with_a_name_not_in_utf8,
    "types that conflict": with_types_that_conflict,
}


def damage(path: Path, kind: str) -> None:
    path.write_bytes(DAMAGES[kind](path.read_bytes(), pyarrow.parquet.ParquetFile(path).metadata))


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("intact")
    write(root, made_up(seed=1, accounts=20, days=3, events=3_000))
    totals(Folder(root)).refresh()
    return root


@pytest.fixture
def lake(intact: Path, tmp_path: Path) -> Path:
    """A copy of the intact lake, which a test may damage."""
    return shutil.copytree(intact, tmp_path, dirs_exist_ok=True)


@pytest.mark.parametrize("has_older_files", [False, True])
@pytest.mark.parametrize("position", [0, -1])
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_named(lake: Path, kind: str, position: int, *, has_older_files: bool) -> None:
    path = sorted(lake.glob("events/*/*/*.parquet"))[position]
    damage(path, kind)
    with pytest.raises(QueryFailed) as failed:
        DuckDBEngine(str(lake), has_older_files=has_older_files).query("SELECT * FROM events")
    line = str(failed.value)
    assert line.startswith(f"{path} is not a valid file of the lake's table: ")
    assert line.endswith("run `account-events lake backfill --all`, which writes its events again.")
    assert "\n" not in line


@pytest.mark.parametrize("has_older_files", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_any_byte_of_a_footer_may_be_damaged(lake: Path, seed: int, *, has_older_files: bool) -> None:
    """Either the query succeeds, or the error names the file. There is no other error."""
    jitter = random.Random(seed)  # noqa: S311 -- not for security
    sql = "SELECT count(*), sum(amount), max(occurred_at), max(correlation_id) FROM events"
    path = jitter.choice(sorted(lake.glob("events/*/*/*.parquet")))
    body = bytearray(path.read_bytes())
    start = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    for _ in range(5):
        damaged = bytearray(body)
        damaged[jitter.randrange(start, len(body) - 4)] = jitter.choice([0, 255, jitter.randrange(256)])
        path.write_bytes(damaged)
        for act in (partial(DuckDBEngine.query, sql=sql), DuckDBEngine.refuse_other_types):
            refusal = refused(act, lake, has_older_files=has_older_files)
            assert refusal is None or refusal.startswith(f"{path} is not a valid file of the lake's table: ")


def refused(act: Callable[[DuckDBEngine], object], lake: Path, *, has_older_files: bool) -> str | None:
    try:
        act(DuckDBEngine(str(lake), has_older_files=has_older_files))
    except QueryFailed as failed:
        return str(failed)
    return None


@pytest.mark.parametrize("content", [b"x", b"no Parquet file at all"])
def test_a_line_feed_in_a_files_name_does_not_cut_the_message(lake: Path, content: bytes) -> None:
    path = max(lake.glob("events/*/*/*.parquet")).with_name("a\nb.parquet")
    path.write_bytes(content)
    with pytest.raises(QueryFailed) as failed:
        DuckDBEngine(str(lake), has_older_files=True).query("SELECT * FROM events")
    line = str(failed.value)
    assert line.startswith(f"{path.parent}/a\\nb.parquet is not a valid file of the lake's table: ")
    assert line.endswith("run `account-events lake backfill --all`, which writes its events again.")
    assert "\n" not in line


def test_a_file_without_read_permission_is_reported_with_advice(lake: Path) -> None:
    path = max(lake.glob("events/*/*/*.parquet")).with_name("a\nb.parquet")
    path.write_bytes(b"")
    engine = DuckDBEngine(str(lake), has_older_files=False)
    with pytest.raises(QueryFailed) as failed, translated(engine.connection):
        raise duckdb.IOException(f'IO Error: Cannot open file "{path}": Permission denied\n\nLINE 1: x')
    line = str(failed.value)
    assert "a\\nb.parquet" in line
    assert "Permission denied. Correct the permissions" in line
    assert "\n" not in line


@pytest.mark.parametrize("kind", ["no bytes", "in a page"])
def test_a_damaged_file_of_totals_is_named_with_other_advice(lake: Path, kind: str) -> None:
    path = lake / totals_key("2026-08")
    damage(path, kind)
    with pytest.raises(QueryFailed) as failed:
        DuckDBEngine(str(lake)).query("SELECT * FROM daily_totals")
    assert str(failed.value).startswith(f"{path} is not a valid file of the lake's table: ")
    assert str(failed.value).endswith("Run `account-events lake totals`, which writes it again.")


@pytest.mark.parametrize("position", [0, -1])
def test_a_file_that_lacks_a_mandatory_column_is_named(lake: Path, position: int) -> None:
    path = sorted(lake.glob("events/*/*/*.parquet"))[position]
    pyarrow.parquet.write_table(pyarrow.parquet.ParquetFile(path).read().drop_columns("balance"), path)
    with pytest.raises(QueryFailed, match="balance") as failed:
        DuckDBEngine(str(lake)).query("SELECT * FROM events")
    assert str(failed.value).startswith(f"{path} is not a valid file of the lake's table: ")


def test_a_folder_named_like_a_file_is_ignored(lake: Path) -> None:
    """On S3, this is a folder's marker, whose key ends with a slash."""
    sql = "SELECT count(*) FROM account_events"
    before = DuckDBEngine(str(lake)).query(sql).rows
    (lake / "events/dt=2026-08-01/event_type=BalanceCredited/a.parquet").mkdir()
    assert DuckDBEngine(str(lake)).query(sql).rows == before


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_reconciliation_names_a_damaged_file(given: Callable[..., LedgerAndLake], kind: str) -> None:
    sides = given(A, lake_rows(A))
    path = max(sides.folder.glob("events/*/*/*.parquet"))
    damage(path, kind)
    with pytest.raises(QueryFailed, match="is not a valid file of the lake's table") as failed:
        sides.reconciled()
    assert str(path) in str(failed.value)


@pytest.mark.parametrize("kind", ["no bytes", "in a page"])
def test_a_reconciliation_names_a_file_damaged_before_the_second_read(
    given: Callable[..., LedgerAndLake], kind: str
) -> None:
    rows = lake_rows(A)
    sides = given(A, rows[:-1])

    def arrives() -> None:
        write(sides.folder, rows[-1:], file_name="late")
        damage(max(sides.folder.glob("events/*/*/late.parquet")), kind)

    sides.settle = arrives
    with pytest.raises(QueryFailed, match=r"late\.parquet is not a valid file of the lake's table"):
        sides.reconciled()


@pytest.mark.parametrize("kind", ["in a page", "half of it"])
def test_a_backfill_names_a_damaged_file(lake: Path, tmp_path_factory: pytest.TempPathFactory, kind: str) -> None:
    path = max(lake.glob("events/*/*/*.parquet"))
    damage(path, kind)
    connection = DuckDBEngine(str(lake)).connection
    with pytest.raises(QueryFailed) as failed, translated(connection):
        MissingSink(connection, tmp_path_factory.mktemp("work"), Rows(Decoder(), "2020-01-01"), None, 2**60)
    assert str(failed.value).startswith(f"{path} is not a valid file of the lake's table: ")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (duckdb.HTTPException("HTTP Error: HTTP GET error reading 's3://l/a' (HTTP 403 Forbidden)\n\nx"), "may read"),
        (
            duckdb.HTTPException("HTTP Error: HTTP GET error (HTTP 404 Not Found)\n\nNoSuchBucket: x"),
            "name of the stack",
        ),
        (duckdb.IOException("IO Error: Could not connect to server error for HTTP GET to 'x'"), "Check the network"),
        (duckdb.IOException('IO Error: Could not write file "x": No space left on device'), "TMPDIR"),
        (duckdb.IOException('IO Error: Cannot open file "x": Permission denied'), "permissions"),
        (duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 1 GiB"), "more memory"),
    ],
)
def test_an_error_unrelated_to_files_names_no_file(lake: Path, error: duckdb.Error, advice: str) -> None:
    engine = DuckDBEngine(str(lake))
    engine.query("SELECT count(*) FROM events")
    with pytest.raises(QueryFailed) as failed, translated(engine.connection):
        raise error
    line = str(failed.value)
    assert line.startswith(str(error).partition("\n")[0])
    assert advice in line
    assert "\n" not in line
    assert "is no file" not in line


def test_a_full_disk_during_a_comparison_is_reported_with_advice(
    lake: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """DuckDB's file is a link to /dev/full, a device on which every write fails."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "comparison.duckdb").symlink_to("/dev/full")
    connection = DuckDBEngine(str(lake)).connection
    with pytest.raises(QueryFailed, match=r"No space left on device\. Free some disk space"), translated(connection):
        Comparison(connection, folder)
