"""Derives findings from the values that ledger and lake have for the same events. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Literal, NamedTuple

from consumers.lake import table
from consumers.lake.added_columns import OCCURRED_AT_US
from ops.lake.reconcile.compacted import notes
from ops.lake.reconcile.result import Difference, Finding, Kind

KEYS = ("account_id", "sequence")
"""The columns that identify an event in the ledger and in the lake."""

FIELDS = (
    "event_id",
    "event_type",
    "dt",
    *(column.name for column in table.EVENT_FIELDS if column.name not in {*KEYS, "event_id"}),
    OCCURRED_AT_US.name,
)
"""The columns that are compared. Among them `dt`, because queries miss an event that is in the wrong partition."""

NULL_IN_OLDER_FILES = frozenset({OCCURRED_AT_US.name})
"""Columns of `FIELDS` that a release has added. Where the lake has null, they are not compared."""

FINDINGS_MAX = 50
ACCOUNTS_MAX = 20
"""The maximum numbers of findings and accounts in a result."""

TWICE = "another event in the lake has the same account and sequence"
COPY_AGREES = "another copy in the lake agrees with the ledger, but the view `events` does not show it"

Values = Mapping[str, Any]
"""An event's values, by field."""


class Evidence(NamedTuple):
    """The values of one event in ledger and lake, which may not agree on it.

    Attributes:
        role: `shown`: the row that the view `events` shows, or none; `copy`: a row that it does not show; `unreadable`:
            the ledger's row is not a valid event; `gap`: the ledger lacks the sequences before the event; `unbalanced`:
            its balance in the ledger is wrong; `unpaired`: the events of its transfer in the ledger do not agree;
            `month`: a row of `account_months`, and `day`: a copy that the view `events` may show in that place, if
            these differ.
        ledger, lake: the event's values on that side; None if it is missing there.
        reason: why the ledger's row is unreadable; the last sequence before the gap; the balance that would be right;
            what is wrong with the transfer.
    """

    account_id: str
    sequence: int | None
    role: Literal["shown", "copy", "unreadable", "gap", "unbalanced", "unpaired", "day", "month"]
    ledger: Values | None
    lake: Values | None
    reason: str | None


def same(one: str, other: str, names: Iterable[str]) -> str:
    """SQL, for DuckDB and for Spark alike, for whether two rows agree on these columns. Null equals null.

    Args:
        one: the name of the first row's table.
        other: that of the second row's table.
        names: columns of KEYS and FIELDS.
    """
    return " AND ".join(
        f"coalesce({one}.{name} = {other}.{name}, true)"
        if name in NULL_IN_OLDER_FILES
        else f"{one}.{name} IS NOT DISTINCT FROM {other}.{name}"
        for name in names
    )


def findings(evidence: Iterable[Evidence]) -> Iterator[Finding]:
    """The findings; none for an event on which both sides turn out to agree.

    The evidence of an event is sorted here, because DuckDB and Spark sort nulls differently.

    Args:
        evidence: grouped by event.
    """
    for (account_id, sequence), each in groupby(evidence, key=lambda one: (one.account_id, one.sequence)):
        yield from _of_one(account_id, sequence, sorted(each, key=_order))


def _order(evidence: Evidence) -> tuple[Any, ...]:
    """By the lake's values and the reason, nulls last."""
    lake = evidence.lake or {}
    return tuple((value is None, value) for value in (*(lake.get(name) for name in FIELDS), evidence.reason))


@dataclass(slots=True)
class Tally:
    """Counts findings in constant memory. They must be added account by account.

    Attributes:
        first: the first findings, at most `FINDINGS_MAX`.
        accounts: the number of accounts with a finding.
        account_ids: the first of these accounts, at most `ACCOUNTS_MAX`.
    """

    counts: Counter[Kind] = field(default_factory=Counter)
    first: list[Finding] = field(default_factory=list)
    accounts: int = 0
    account_ids: list[str] = field(default_factory=list)
    _last: str | None = None

    def add(self, finding: Finding) -> None:
        self.counts[finding.kind] += 1
        if len(self.first) < FINDINGS_MAX:
            self.first.append(finding)
        if finding.account_id != self._last:
            self._last = finding.account_id
            self.accounts += 1
            if len(self.account_ids) < ACCOUNTS_MAX:
                self.account_ids.append(finding.account_id)


def _of_one(account_id: str, sequence: int | None, evidence: Sequence[Evidence]) -> Iterator[Finding]:
    def found(kind: Kind, values: Values | None, differences: Sequence[Difference] = (), note: str = "") -> Finding:
        event_id = values["event_id"] if values is not None else None
        return Finding(kind, account_id, sequence, event_id or "", tuple(differences), note)

    yield from (found("compacted", values, note=note) for values, note in notes(*_days_and_months(evidence)))
    if gaps := [each for each in evidence if each.role == "gap"]:
        yield found("gap", gaps[0].ledger, note=_lacks(int(gaps[0].reason or 0) + 1, (sequence or 0) - 1))
    if wrong := [each for each in evidence if each.role == "unbalanced"]:
        balance = "" if wrong[0].ledger is None else _text(wrong[0].ledger["balance"])
        yield found(
            "unbalanced", wrong[0].ledger, note=f"its balance in the ledger is {balance}, not {wrong[0].reason}"
        )
    yield from (found("unpaired", each.ledger, note=each.reason or "") for each in evidence if each.role == "unpaired")
    unreadable = [each for each in evidence if each.role == "unreadable"]
    if unreadable:
        yield from (found("unreadable", each.lake, note=each.reason or "") for each in unreadable)
        return
    shown = [each for each in evidence if each.role == "shown"]
    if not shown:
        return
    ledger = shown[0].ledger
    lake = [each.lake for each in shown if each.lake is not None]
    if ledger is None:
        yield from (found("extra", values) for values in lake)
        return
    if not lake:
        yield found("missing", ledger)
        return
    copies = [_differences(ledger, each.lake) for each in evidence if each.role == "copy" and each.lake is not None]
    lake.sort(key=lambda values: len(_differences(ledger, values)))
    differences = _differences(ledger, lake[0])
    if differences:
        yield found("differing", ledger, differences, "" if all(copies) else COPY_AGREES)
    else:
        yield from (found("contradicting", ledger, copy) for copy in copies if copy)
    yield from (found("extra", values, _differences(ledger, values), TWICE) for values in lake[1:])


def _days_and_months(evidence: Sequence[Evidence]) -> Iterator[list[Values]]:
    for role in ("day", "month"):
        yield [each.lake for each in evidence if each.role == role and each.lake is not None]


def _lacks(first: int, last: int) -> str:
    return f"the ledger lacks event {first}" if first == last else f"the ledger lacks the events {first} to {last}"


def _differences(ledger: Values, lake: Values) -> list[Difference]:
    return [
        Difference(name, _text(ledger[name]), _text(lake[name]))
        for name in FIELDS
        if ledger[name] != lake[name] and not (name in NULL_IN_OLDER_FILES and lake[name] is None)
    ]


def _text(value: Any) -> str | None:  # noqa: ANN401 -- a column's
    match value:
        case None:
            return None
        case datetime():
            return value.isoformat(" ", "microseconds")
        case Decimal():
            return f"{value:f}"
    return str(value)
