from decimal import Decimal

import pytest

from account_core.domain.account import Account
from account_core.service.head import Head
from account_core.service.head_cache import HeadCache


def head(version: int) -> Head:
    return Head(Account("owner-1", "EUR", Decimal(version)), version, version)


def test_the_cache_keeps_the_newest_head_of_an_account() -> None:
    heads = HeadCache()
    for version in (1, 3, 2):
        heads.put("a", head(version))
    assert heads.get("a") == head(3)
    assert heads.get("b") is None


def test_a_head_in_the_old_generation_is_found() -> None:
    heads = HeadCache(generation_max=2)
    for number in range(3):
        heads.put(f"account-{number}", head(1))
    assert heads.get("account-0") == head(1)


def test_an_account_that_does_not_exist_is_not_remembered() -> None:
    heads = HeadCache()
    heads.put("a", Head())
    assert heads.get("a") is None


def test_the_cache_is_bounded_and_drops_the_least_recent_heads() -> None:
    heads = HeadCache(generation_max=10)
    for number in range(1_000):
        heads.put("busy", head(number + 1))
        heads.put(f"account-{number}", head(1))
        known = [name for name in ("busy", *(f"account-{n}" for n in range(number + 1))) if heads.get(name)]
        assert len(known) <= 20
    assert heads.get("busy") == head(1_000)
    assert heads.get("account-999") == head(1)
    assert heads.get("account-1") is None


@pytest.mark.parametrize(("passed_s", "is_found"), [(0.0, True), (0.25, True), (0.26, False), (-0.26, False)])
def test_a_head_is_found_until_it_is_older_than_asked(passed_s: float, *, is_found: bool) -> None:
    now_s = [1_000.0]
    heads = HeadCache(lambda: now_s[0])
    heads.put("a", head(1))
    now_s[0] += passed_s
    assert heads.get("a", age_max_s=0.25) == (head(1) if is_found else None)
    assert heads.get("a") == head(1)


def test_a_head_that_is_read_again_is_recent_again() -> None:
    now_s = [1_000.0]
    heads = HeadCache(lambda: now_s[0])
    for _ in range(2):
        heads.put("a", head(1))
        assert heads.get("a", age_max_s=0.25) == head(1)
        now_s[0] += 1
