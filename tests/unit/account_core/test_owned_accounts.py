"""Rows of the accounts by owner: inexact values are corrupt, and nothing is rounded."""

from decimal import Decimal
from typing import Any

import pytest

from account_core.domain.errors import Corrupt
from account_core.service.owned_accounts import OwnedAccount, from_row
from tests.support.spellings import OTHER_NUMBERS, OTHER_TIMES, TIME

ROW: dict[str, Any] = {
    "AccountId": {"S": "account-1"},
    "Owner": {"S": "owner-1"},
    "Currency": {"S": "EUR"},
    "Balance": {"N": "12.5"},
    "Sequence": {"N": "2"},
    "OpenedAt": {"S": TIME},
    "UpdatedAt": {"S": TIME},
}


def test_a_row_is_read_as_it_was_stored() -> None:
    assert from_row(ROW) == OwnedAccount("account-1", "EUR", Decimal("12.50"), 2, TIME, TIME)
    assert from_row({**ROW, "Balance": {"N": "0"}}).balance == Decimal("0.00")


@pytest.mark.parametrize("name", ["OpenedAt", "UpdatedAt"])
@pytest.mark.parametrize("at", OTHER_TIMES)
def test_a_time_in_another_form_is_corrupt(name: str, at: str) -> None:
    with pytest.raises(Corrupt, match="accounts by owner"):
        from_row({**ROW, name: {"S": at}})


@pytest.mark.parametrize("name", ["Balance", "Sequence"])
@pytest.mark.parametrize("number", [*OTHER_NUMBERS, "-1", "1.005", "1E+40"])
def test_an_inexact_number_is_corrupt(name: str, number: str) -> None:
    with pytest.raises(Corrupt, match="accounts by owner"):
        from_row({**ROW, name: {"N": number}})


@pytest.mark.parametrize("attribute", [None, {}, {"S": 5}, {"N": 5}, "x"])
def test_an_attribute_of_another_type_is_corrupt(attribute: object) -> None:
    for name in ("Balance", "Sequence", "OpenedAt"):
        with pytest.raises(Corrupt, match="accounts by owner"):
            from_row({**ROW, name: attribute})
