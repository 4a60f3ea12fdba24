"""How the report formats figures and foreign text."""

from decimal import Decimal

import pytest

from ops.report.amounts import count, foreign, mean, money, signed

THIN = "\u202f"


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("0", "0.00"),
        ("1234.5", f"1{THIN}234.50"),
        ("-1234567.89", f"\u22121{THIN}234{THIN}567.89"),
        ("9999999999999999.99", f"9{THIN}999{THIN}999{THIN}999{THIN}999{THIN}999.99"),
        ("1E+3", f"1{THIN}000.00"),
    ],
)
def test_an_amount_has_thin_spaces_and_two_decimals(amount: str, expected: str) -> None:
    assert money(Decimal(amount)) == expected


def test_only_amounts_above_zero_have_a_plus() -> None:
    assert [signed(Decimal(each)) for each in ("0.01", "0", "-0.00", "-0.01")] == [
        "+0.01",
        "0.00",
        "0.00",
        "\u22120.01",
    ]


def test_a_count_has_its_noun_in_the_singular_or_plural() -> None:
    assert [count(number, "event") for number in (0, 1, 1000)] == ["0 events", "1 event", f"1{THIN}000 events"]
    assert count(2, "currency", "currencies") == "2 currencies"
    assert count(7) == "7"


def test_only_means_below_ten_have_a_decimal() -> None:
    assert [mean(total, 4) for total in (0, 10, 39, 41, 40_002)] == ["0.0", "2.5", "9.8", "10", f"10{THIN}000"]


@pytest.mark.parametrize("character", ["\x00", "\n", "\x7f", "\x85", "\u202e", "\u2066", "\ud800", "\uffff"])
def test_control_characters_are_replaced_with_a_visible_one(character: str) -> None:
    assert foreign(f"a{character}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_all_other_text_is_unchanged() -> None:
    assert foreign("Zoë-<b>&'\" 口座 🏦 عميل") == "Zoë-<b>&'\" 口座 🏦 عميل"
