"""What each chart of the report says, in a line; and of what it is made. Pure."""

from decimal import Decimal

from ops.report.amounts import count, hours, money, short_day, signed
from ops.report.balances import Distribution
from ops.report.figures import CurrencyDay, Figures, Flow


def net_flow(part: CurrencyDay) -> str:
    """Of the day."""
    net = part.flow.net
    if not part.flow.credits + part.flow.withdrawals:
        return f"{part.currency}: nothing moved on the day"
    if not net:
        return f"{part.currency}: as much came in as went out"
    return f"{part.currency}: {money(abs(net))} more {'came in than went out' if net > 0 else 'went out than came in'}"


def net_flow_unit(part: CurrencyDay) -> str:
    """And of the days before."""
    first, last = part.days[0][0], part.days[-1][0]
    whole = sum((flow for _, flow in part.days), Flow()).net
    days = f"{short_day(first)} to {short_day(last)}"
    return f"{part.currency} a day, {days}; {signed(whole)} over these {len(part.days)} days"


def old_totals(figures: Figures) -> str:
    """By how many events `daily_totals` is off the day, and in which currencies."""
    told = []
    for word, theirs in (
        ("less", [each for each in figures.currencies if each.missing > 0]),
        ("more", [each for each in figures.currencies if each.missing < 0]),
    ):
        if theirs:
            number = count(sum(abs(each.missing) for each in theirs), "event")
            told.append(f"{number} {word} than the day has ({', '.join(each.currency for each in theirs)})")
    return " and ".join(told)


def volume(figures: Figures) -> str:
    """Of a day that has events."""
    busiest = max(figures.hours, key=lambda hour: hour.events)
    return f"Busiest from {hours(busiest.hour)}, with {count(busiest.events)} of {count(figures.events, 'event')}"


def movements(part: CurrencyDay) -> str:
    """Of a day that has some."""
    first = part.movements[0]
    return f"{part.currency}: the largest is a {'credit' if first.is_credit else 'withdrawal'} of {money(first.amount)}"


def movements_unit(part: CurrencyDay) -> str:
    """How much of all that moved they are."""
    shown = sum((each.amount for each in part.movements), Decimal(0))
    whole = part.flow.credited + part.flow.withdrawn
    number, all_of_them = len(part.movements), part.flow.credits + part.flow.withdrawals
    if number == all_of_them:
        return f"{part.currency}, {'all ' if number > 1 else ''}{count(number, 'movement')} of the day"
    percent = int(100 * shown / whole)  # never rounded up to all
    share = f"{percent}%" if percent else "less than 1%"
    return f"{part.currency}, the {number} largest of {count(all_of_them)}: {share} of what moved"


def spread(currency: str, found: Distribution) -> str:
    """Where the middle is: at least half of the accounts are there or below, and at least half there or above."""
    accounts = count(found.accounts, "account")
    if found.accounts == 1:
        return f"{currency}: the one account closed at {money(found.median)}"
    if found.least == found.greatest:
        return f"{currency}: all {accounts} closed at {money(found.median)}"
    if found.accounts == 2:  # noqa: PLR2004 -- reads well
        return f"{currency}: one account closed at {money(found.least)}, the other at {money(found.greatest)}"
    is_an_end = found.median in {found.least, found.greatest}  # then at least half have just this
    return f"{currency}: at least half of {accounts} closed at {money(found.median)}{'' if is_an_end else ' or less'}"


def spread_unit(currency: str, found: Distribution) -> str:
    """The ends, which bins do not tell."""
    ends = f", from {money(found.least)} to {money(found.greatest)}" if found.least < found.greatest else ""
    return f"accounts by balance in {currency}{ends}"
