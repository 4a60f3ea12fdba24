"""The settings of faults."""

import pytest

from local_stack.faults.catalogue import FAULTS
from local_stack.faults.errors import FaultRefused
from local_stack.faults.settings import checked, seed_of, share_of


@pytest.mark.parametrize("share", ["0", "-0.1", "1.01", "nan", "sNaN", "inf", "", "a third", "0,3"])
def test_a_share_outside_0_to_1_is_refused(share: str) -> None:
    with pytest.raises(FaultRefused, match="more than 0 and at most 1"):
        checked(FAULTS["refused-entries"], {"share": share})


@pytest.mark.parametrize(("share", "expected"), [("1", 1.0), ("0.3", 0.3), ("1e-05", 0.00001)])
def test_a_share_is_a_decimal_number(share: str, expected: float) -> None:
    assert share_of(checked(FAULTS["lost-answers"], {"share": share})) == expected


@pytest.mark.parametrize("seed", ["-1", "1.5", "", "x", "9" * 19, "²"])
def test_a_seed_that_is_no_whole_number_is_refused(seed: str) -> None:
    with pytest.raises(FaultRefused, match="whole number"):
        checked(FAULTS["throttled-shard"], {"seed": seed})


@pytest.mark.parametrize("account", ["", "a" * 101])
def test_an_account_id_that_cannot_exist_is_refused(account: str) -> None:
    with pytest.raises(FaultRefused, match="empty or too long"):
        checked(FAULTS["poison-row"], {"account": account})


@pytest.mark.parametrize("name", FAULTS)
def test_a_setting_that_the_fault_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(FaultRefused, match="has no setting 'colour'"):
        checked(FAULTS[name], {"colour": "red"})


def test_missing_settings_have_defaults() -> None:
    found = checked(FAULTS["refused-entries"], {})
    assert (share_of(found), seed_of(found)) == (0.3, 1)
    assert checked(FAULTS["poison-row"], {}) == {}
