"""The result of a reconciliation, and its file in the lake's bucket. Pure.

The newest result is `reconciliations/latest.json`, and each is kept as `reconciliations/<compared_at>.json`. The file
is UTF-8 and holds one JSON object:

format                1
compared_at, through  ISO 8601, UTC
events, accounts      the numbers of events and accounts that were compared
missing, extra, differing, contradicting, unreadable, gap, unbalanced, compacted, unpaired, on_their_way
                      numbers of events, see `ReconciliationResult`; those of ADDED_KINDS may be absent
differing_accounts    the number of accounts with a finding
totals                [{currency, ledger, lake}], money as text
lateness              {newest_in_ledger, newest_in_lake, behind_s, longest_s}, each may be null
files                 {days: {YYYY-MM-DD: digest}, stray: number, strays: [key]}, see `ops.lake.query.files`
findings              the first ones: [{kind, account_id, sequence, event_id, differences, note}],
                      with differences: [{field, ledger, lake}]
accounts_found        the first ones: [{account_id, currency, ledger: {events, sequence, balance}, lake: {...}}]

Readers ignore fields that they do not know. Fields may be added to format 1, but none is removed.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeVar, get_args

from local_stack.errors import CommandError

T = TypeVar("T")

FORMAT = 1
FOLDER = "reconciliations/"
LATEST_KEY = f"{FOLDER}latest.json"
STRAYS_MAX = 20
"""The maximum number of stray files in a result."""

Kind = Literal[
    "missing", "extra", "differing", "contradicting", "unreadable", "gap", "unbalanced", "compacted", "unpaired"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
ADDED_KINDS: tuple[Kind, ...] = ("gap", "unbalanced", "compacted", "unpaired")
"""Kinds that a result of an older release does not count."""


class UnknownResult(CommandError):
    """This release cannot read the result's file: reconcile again."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs. `ledger` and `lake` are its values as text, or None for null."""

    field: str
    ledger: str | None
    lake: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """An event on which ledger and lake do not agree.

    Attributes:
        sequence: None if the ledger's row has no valid version.
        event_id: the ledger's, or the lake's if the ledger does not have the event.
        note: a further explanation, or empty.
    """

    kind: Kind
    account_id: str
    sequence: int | None
    event_id: str
    differences: tuple[Difference, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """An account in the ledger or in the lake: its number of events, last sequence, and credits less withdrawals."""

    events: int
    sequence: int
    balance: Decimal


@dataclass(frozen=True, slots=True)
class AccountFound:
    """An account with a finding. Events on their way are not counted."""

    account_id: str
    currency: str
    ledger: Standing
    lake: Standing


@dataclass(frozen=True, slots=True)
class Total:
    """Credits less withdrawals of all accounts of a currency. Events on their way are not counted."""

    currency: str
    ledger: Decimal
    lake: Decimal


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late the lake is.

    Attributes:
        newest_in_ledger, newest_in_lake: when the newest event there occurred.
        behind_s: the time between them.
        longest_s: the longest time from an event's occurrence to its arrival on the stream, over all events in the
            lake that came from the stream.
    """

    newest_in_ledger: datetime | None = None
    newest_in_lake: datetime | None = None
    behind_s: float | None = None
    longest_s: float | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """The lake's files, as listed before the comparison read them.

    Attributes:
        days: a digest of each day's files.
        stray: the number of files that belong to no partition. It is undefined what Athena does with them.
        strays: the keys of the first of these files.
    """

    days: Mapping[str, str] = field(default_factory=dict)
    stray: int = 0
    strays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReconciliationResult:
    """The result. Times are UTC.

    Attributes:
        compared_at: when the comparison began.
        through: every event of the ledger that occurred until this time was compared.
        events, accounts: the numbers of the ledger's events and accounts that were compared.
        missing: events in the ledger but not in the lake.
        extra: events in the lake but not in the ledger.
        differing: events in both, with a field that differs.
        contradicting: events of which the view `events` shows the right copy, while another copy in the lake differs.
        unreadable: rows of the ledger that are not valid events and therefore cannot be compared.
        gap: events before which the ledger lacks one or several sequences of the account.
        unbalanced: events of the ledger whose balance does not follow from the amounts.
        compacted: events of which the table `account_months` has other rows than the view `events`.
        unpaired: transfers whose events in the ledger are not one withdrawal and one credit that agree.
        on_their_way: events in the ledger but not in the lake, and younger than a delivery may take; and transfers as
            young whose events do not agree, because the ledger is not read at one moment.
        findings, accounts_found: the first findings, and the first accounts with findings.
        files: the lake's files that were compared.
    """

    compared_at: datetime
    through: datetime
    events: int
    accounts: int
    missing: int = 0
    extra: int = 0
    differing: int = 0
    contradicting: int = 0
    unreadable: int = 0
    on_their_way: int = 0
    differing_accounts: int = 0
    totals: tuple[Total, ...] = ()
    lateness: Lateness = Lateness()
    findings: tuple[Finding, ...] = ()
    accounts_found: tuple[AccountFound, ...] = ()
    files: Files = Files()
    gap: int = 0
    unbalanced: int = 0
    compacted: int = 0
    unpaired: int = 0

    @property
    def agrees(self) -> bool:
        """Whether ledger, lake and compacted months have the same events, and no file is stray.

        The ledger's balances must follow from the amounts, and the events of its transfers must agree. Events on their
        way do not count.
        """
        return not self.differences

    @property
    def differences(self) -> int:
        """The number of findings, stray files, and totals of a currency on which ledger and lake do not agree."""
        events: int = sum(getattr(self, kind) for kind in KINDS)
        return events + self.files.stray + sum(each.ledger != each.lake for each in self.totals)

    @property
    def key(self) -> str:
        """The key in the bucket under which this result is kept."""
        return f"{FOLDER}{self.compared_at:%Y-%m-%dT%H-%M-%S.%fZ}.json"


def to_json(result: ReconciliationResult) -> bytes:
    """The result as a file."""
    return json.dumps({"format": FORMAT, **asdict(result)}, default=_text, indent=1).encode() + b"\n"


def finding_line(finding: Finding) -> str:
    """One line of JSON, as in the file's `findings`."""
    return json.dumps(asdict(finding))


def finding_in(line: str) -> Finding:
    """The finding in a line of `finding_line`."""
    return _finding(json.loads(line))


def from_json(body: bytes) -> ReconciliationResult:
    """The result in a file.

    Raises:
        UnknownResult: the file is damaged, or of a format that this release does not know.
    """
    try:
        found = json.loads(body)
        if found["format"] != FORMAT:
            raise UnknownResult(
                f"The reconciliation result has the format {found['format']}; this release reads {FORMAT}. Run "
                "`account-events reconcile` again."
            )
        return _parsed(found)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation, OverflowError, RecursionError) as error:
        raise UnknownResult(
            f"The reconciliation result is damaged ({type(error).__name__}: {error}). Run `account-events reconcile` "
            "again."
        ) from error


def _parsed(found: Mapping[str, Any]) -> ReconciliationResult:
    late = found["lateness"]
    counts: Mapping[str, Any] = {**dict.fromkeys(map(str, ADDED_KINDS), 0), **found}
    return ReconciliationResult(
        _time(found["compared_at"]),
        _time(found["through"]),
        **{name: _count(counts[name]) for name in ("events", "accounts", *KINDS, "on_their_way", "differing_accounts")},
        totals=tuple(
            Total(_string(each["currency"]), _money(each["ledger"]), _money(each["lake"])) for each in found["totals"]
        ),
        lateness=Lateness(
            _optional(_time, late["newest_in_ledger"]),
            _optional(_time, late["newest_in_lake"]),
            _optional(_seconds, late["behind_s"]),
            _optional(_seconds, late["longest_s"]),
        ),
        findings=tuple(_finding(each) for each in found["findings"]),
        accounts_found=tuple(
            AccountFound(
                _string(each["account_id"]),
                _string(each["currency"]),
                _standing(each["ledger"]),
                _standing(each["lake"]),
            )
            for each in found["accounts_found"]
        ),
        files=Files(
            {str(day): str(digest) for day, digest in found["files"]["days"].items()},
            _count(found["files"]["stray"]),
            tuple(str(key) for key in found["files"]["strays"]),
        ),
    )


def _finding(each: Mapping[str, Any]) -> Finding:
    if each["kind"] not in KINDS:
        raise ValueError(f"unknown kind of finding {each['kind']!r}")
    return Finding(
        each["kind"],
        _string(each["account_id"]),
        _optional(_count, each["sequence"]),
        _string(each["event_id"]),
        tuple(
            Difference(_string(one["field"]), _optional(_string, one["ledger"]), _optional(_string, one["lake"]))
            for one in each["differences"]
        ),
        _string(each["note"]),
    )


def _standing(each: Mapping[str, Any]) -> Standing:
    return Standing(_count(each["events"]), _count(each["sequence"]), _money(each["balance"]))


def _optional(read: Callable[[Any], T], value: object) -> T | None:
    return None if value is None else read(value)


def _time(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return instant.astimezone(UTC)


def _money(text: object) -> Decimal:
    amount = Decimal(_string(text))
    if not amount.is_finite():
        raise ValueError(f"{text!r} is not an amount")
    return amount


def _seconds(number: object) -> float:
    if not isinstance(number, int | float) or isinstance(number, bool) or not math.isfinite(number):
        raise ValueError(f"{number!r} is not a number of seconds")
    return float(number)


def _string(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is not text")
    return text


def _count(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ValueError(f"{number!r} is not a count")
    return number


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else f"{value:f}"
