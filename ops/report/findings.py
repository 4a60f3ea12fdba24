"""The headline and the unit line of each chart of the report. Pure."""

from decimal import Decimal

from ops.report.amounts import count, hours, money, short_day, signed
from ops.report.balances import Distribution
from ops.report.figures import CurrencyDay, Figures, Flow


def net_flow(part: CurrencyDay) -> str:
    """The headline: the day's net flow."""
    net = part.flow.net
    if not part.flow.credits + part.flow.withdrawals:
        return f"{part.currency}: no movements on this day"
    if not net:
        return f"{part.currency}: as much came in as went out"
    return f"{part.currency}: {money(abs(net))} more {'came in than went out' if net > 0 else 'went out than came in'}"


def net_flow_unit(part: CurrencyDay) -> str:
    """The unit line, with the net flow of all days shown."""
    first, last = part.days[0][0], part.days[-1][0]
    whole = sum((flow for _, flow in part.days), Flow()).net
    days = f"{short_day(first)} to {short_day(last)}"
    return f"{part.currency} per day, {days}; {signed(whole)} over these {len(part.days)} days"


def outdated_totals(figures: Figures) -> str:
    """How many events too few or too many `daily_totals` has, and in which currencies."""
    parts = []
    for word, theirs in (
        ("fewer", [each for each in figures.currencies if each.missing > 0]),
        ("more", [each for each in figures.currencies if each.missing < 0]),
    ):
        if theirs:
            number = sum(abs(each.missing) for each in theirs)
            events = "event" if number == 1 else "events"
            currencies = ", ".join(each.currency for each in theirs)
            parts.append(f"{count(number)} {word} {events} than the day has ({currencies})")
    return " and ".join(parts)


def volume(figures: Figures) -> str:
    """The headline of a day that has events."""
    busiest = max(figures.hours, key=lambda hour: hour.events)
    return f"Busiest from {hours(busiest.hour)}, with {count(busiest.events)} of {count(figures.events, 'event')}"


def movements(part: CurrencyDay) -> str:
    """The headline of a day that has movements."""
    first = part.movements[0]
    return f"{part.currency}: the largest is a {'credit' if first.is_credit else 'withdrawal'} of {money(first.amount)}"


def movements_unit(part: CurrencyDay) -> str:
    """The unit line, with the share of the largest movements in all amounts moved."""
    shown = sum((each.amount for each in part.movements), Decimal(0))
    whole = part.flow.credited + part.flow.withdrawn
    number, all_of_them = len(part.movements), part.flow.credits + part.flow.withdrawals
    if number == all_of_them:
        return f"{part.currency}, {'all ' if number > 1 else ''}{count(number, 'movement')} of the day"
    percent = int(100 * shown / whole)  # rounded down, so that it is never 100%
    share = f"{percent}%" if percent else "less than 1%"
    return f"{part.currency}, the {number} largest of {count(all_of_them)}: {share} of all amounts moved"


def spread(currency: str, found: Distribution) -> str:
    """The headline: the median. At least half of the accounts closed at or below it."""
    accounts = count(found.accounts, "account")
    if found.accounts == 1:
        return f"{currency}: the only account closed at {money(found.median)}"
    if found.least == found.greatest:
        return f"{currency}: all {accounts} closed at {money(found.median)}"
    if found.accounts == 2:  # noqa: PLR2004 -- reads well
        return f"{currency}: one account closed at {money(found.least)}, the other at {money(found.greatest)}"
    is_an_end = found.median in {found.least, found.greatest}  # then at least half have exactly this balance
    return f"{currency}: at least half of {accounts} closed at {money(found.median)}{'' if is_an_end else ' or less'}"


def spread_unit(currency: str, found: Distribution) -> str:
    """The unit line, with the least and the greatest balance, which the bins do not show."""
    ends = f", from {money(found.least)} to {money(found.greatest)}" if found.least < found.greatest else ""
    return f"accounts by balance in {currency}{ends}"
