"""Each stored value has one spelling; Python's own parsers accept many more."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_core.rows.attributes import decimal_number, instant, is_whole_number, whole_number
from account_core.service.head import timestamp
from tests.support.spellings import OTHER_NUMBERS, OTHER_TIMES, TIME


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_written_timestamp_can_be_parsed(moment: datetime) -> None:
    assert instant(timestamp(moment)) == moment


@pytest.mark.parametrize("text", OTHER_TIMES)
def test_a_time_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        instant(text)


@given(st.text(st.sampled_from("0123456789-:.TtZz ,+W\u0661"), min_size=27, max_size=27) | st.text(max_size=30))
def test_a_parsed_time_is_written_in_the_same_form(text: str) -> None:
    try:
        moment = instant(text)
    except ValueError:
        return
    assert timestamp(moment) == text


@given(st.integers(min_value=0, max_value=10**126))
def test_whole_numbers_consist_of_digits(number: int) -> None:
    assert whole_number(str(number)) == number
    for other in (f"+{number}", f"-{number}", f"0{number}", f" {number}", f"{number}\n", f"{number}.0", f"{number}_0"):
        assert not is_whole_number(other)


@pytest.mark.parametrize("text", [*OTHER_NUMBERS, "-1", "1.5", "1E+1", "01", "9" * 5_000])
def test_other_spellings_are_not_whole_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        whole_number(text)


@pytest.mark.parametrize("text", ["0", "-5", "5.", "12.5", "0.01", "1E+2", "1.5e-3", "007", "9" * 38])
def test_decimal_numbers_are_parsed_digit_by_digit(text: str) -> None:
    assert decimal_number(text) == Decimal(text)


@pytest.mark.parametrize("text", [*OTHER_NUMBERS, "1E+99999999999999999999", "9" * 5_000])
def test_other_spellings_are_not_decimal_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="not a number") as refused:
        decimal_number(text)
    assert not text.strip() or text.strip() not in str(refused.value), "the text may be an amount"


def test_the_example_timestamp_can_be_parsed() -> None:
    assert instant(TIME) == datetime(2026, 1, 31, 9, 30, 0, 1, UTC)
