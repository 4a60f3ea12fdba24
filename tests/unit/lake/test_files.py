"""The files of the lake's table: digests of a day's files, and stray files."""

from datetime import date

import pytest

from ops.lake.query.files import LakeFiles

A = "events/dt=2026-08-01/event_type=BalanceCredited/a.parquet"
B = "events/dt=2026-08-01/event_type=AccountCreated/b.parquet"
NEXT = "events/dt=2026-08-02/event_type=AccountCreated/b.parquet"
TODAY = date(2026, 8, 20)


def digests(*files: tuple[str, str]) -> dict[str, str]:
    return LakeFiles(files).digests


def test_a_digest_changes_only_with_its_days_files() -> None:
    before = digests((A, "1"), (B, "2"), (NEXT, "3"))
    assert before.keys() == {"2026-08-01", "2026-08-02"}
    assert digests((NEXT, "3"), (B, "2"), (A, "1")) == before
    for changed in (
        digests((A, "1"), (NEXT, "3")),
        digests((A, "1"), (B, "9"), (NEXT, "3")),
        digests((A, "2"), (B, "1"), (NEXT, "3")),
        digests((A, "1"), (B, "2"), (f"{A[:-9]}c.parquet", "2"), (NEXT, "3")),
    ):
        assert changed["2026-08-01"] != before["2026-08-01"]
        assert changed["2026-08-02"] == before["2026-08-02"]


@pytest.mark.parametrize(
    "key",
    [
        "events/stray.parquet",
        "events/compacting/x/y.parquet",
        "events/dt=2026-08-01/a.parquet",
        "events/dt=2026-11-31/event_type=BalanceCredited/a.parquet",
        "events/dt=2026-8-1/event_type=BalanceCredited/a.parquet",
        "events/dt=2026-08-01/event_type=BalanceFrozen/a.parquet",
        "events/dt=2026-08-01/event_type=balancecredited/a.parquet",
        "events/dt=2026-08-01/EVENT_TYPE=BalanceCredited/a.parquet",
        "events/DT=2026-08-01/event_type=BalanceCredited/a.parquet",
        "events/dt=2026-08-01/event_type=BalanceCredited/_a.parquet",
        "events/dt=2026-08-01/event_type=BalanceCredited/.a.parquet",
        "events/dt=2026-08-01/event_type=BalanceCredited/a.PARQUET",
        "events/dt=2026-08-01/event_type=BalanceCredited/a.parquet.tmp",
        "events/dt=2026-08-01/event_type=BalanceCredited/sub/a.parquet",
        "events/dt=2026-08-22/event_type=BalanceCredited/a.parquet",
    ],
)
def test_a_file_outside_the_partitions_is_stray(key: str) -> None:
    found = LakeFiles([(A, "1"), (key, "2")])
    assert found.strays(TODAY) == [key]
    assert found.digests["2026-08-01"] == digests((A, "1"))["2026-08-01"]


def test_partition_files_and_console_folders_are_not_stray() -> None:
    tomorrow = "events/dt=2026-08-21/event_type=BalanceCredited/a.parquet"
    folders = ["events/", "events/dt=2026-08-01/", "events/dt=2026-08-01/event_type=BalanceCredited/"]
    assert LakeFiles([(A, "1"), (tomorrow, "1"), *((folder, "0") for folder in folders)]).strays(TODAY) == []
