"""Who may not write the totals asks with those there are; any other trouble is told as such."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.lake_commands import sum_up


class Refused:
    """A lake whose bucket does not take totals."""

    def __init__(self, code: str) -> None:
        self._code = code

    def totals(self) -> "Refused":
        return self

    def refresh(self, _tell: object) -> int:
        raise ClientError({"Error": {"Code": self._code}}, "PutObject")


def test_an_analyst_is_told_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    lake: Any = Refused("AccessDenied")
    assert sum_up(lake) is False
    assert "may not write them" in " ".join(capsys.readouterr().err.split())


def test_another_trouble_is_no_reason_to_go_on() -> None:
    lake: Any = Refused("NoSuchBucket")
    with pytest.raises(ClientError):
        sum_up(lake)
