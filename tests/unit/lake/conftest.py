from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from account_core.domain.events import Row
from tests.support.lake import LakeRow
from tests.unit.lake.reconcile_given import LedgerAndLake


@pytest.fixture
def given(tmp_path: Path) -> Callable[..., LedgerAndLake]:
    def make(ledger: Sequence[Row], lake: Sequence[LakeRow]) -> LedgerAndLake:
        return LedgerAndLake(tmp_path, ledger, lake)

    return make
