from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from account_core.domain.events import Row
from tests.support.lake import LakeRow
from tests.unit.lake.compared import Given


@pytest.fixture
def given(tmp_path: Path) -> Callable[..., Given]:
    def make(ledger: Sequence[Row], lake: Sequence[LakeRow]) -> Given:
        return Given(tmp_path, ledger, lake)

    return make
