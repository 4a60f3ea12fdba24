"""What a reconciliation found, and its file in the lake's bucket. Pure.

Kept as `reconciliations/latest.json`, the last, and `reconciliations/<compared_at>.json`, each: UTF-8, one JSON object:

format                1
compared_at, through  ISO 8601, UTC
events, accounts      numbers: compared
missing, extra, differing, contradicting, unreadable, on_their_way   numbers of events, see `ReconciliationResult`
differing_accounts    a number
totals                [{currency, ledger, lake}], money as text
lateness              {newest_in_ledger, newest_in_lake, behind_s, longest_s}, each null where there is none
files                 {days: {YYYY-MM-DD: digest}, stray: number, strays: [key]}, the lake's, see `ops.lake.query.files`
findings              [{kind, account_id, sequence, event_id, differences: [{field, ledger, lake}], note}], the first
accounts_found        [{account_id, currency, ledger: {events, sequence, balance}, lake: {...}}], the first

Readers pass over what they do not know; what is here is not taken away under format 1.
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

Kind = Literal["missing", "extra", "differing", "contradicting", "unreadable"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class UnknownResult(CommandError):
    """The file is no verdict that this release can read: reconcile again."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Attributes: `ledger` and `lake` are the field's values as text; None where there is none."""

    field: str
    ledger: str | None
    lake: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One event, and what about it does not agree.

    Attributes:
        sequence: None of a ledger's row that does not even tell it.
        event_id: the ledger's if it has the event, otherwise the lake's.
        note: in words, what the kind and the differences do not say.
    """

    kind: Kind
    account_id: str
    sequence: int | None
    event_id: str
    differences: tuple[Difference, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """An account by its events: how many, the last one's sequence, and what came in less what went out."""

    events: int
    sequence: int
    balance: Decimal


@dataclass(frozen=True, slots=True)
class AccountFound:
    """An account that does not agree. Events on their way are not counted."""

    account_id: str
    currency: str
    ledger: Standing
    lake: Standing


@dataclass(frozen=True, slots=True)
class Total:
    """What came in less what went out, of all accounts of a currency. Events on their way are not counted."""

    currency: str
    ledger: Decimal
    lake: Decimal


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late the lake is.

    Attributes:
        newest_in_ledger, newest_in_lake: when the newest event there occurred.
        behind_s: what lies between them.
        longest_s: the longest from when an event occurred until it was on the stream, of all events that the lake has
            from there.
    """

    newest_in_ledger: datetime | None = None
    newest_in_lake: datetime | None = None
    behind_s: float | None = None
    longest_s: float | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """The lake's, as they were listed before they were read.

    Attributes:
        days: a digest of each day's.
        stray: so many lie between them and are no partition's: nobody knows what Athena makes of them.
        strays: the first of these, by key.
    """

    days: Mapping[str, str] = field(default_factory=dict)
    stray: int = 0
    strays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReconciliationResult:
    """All of it. Times are UTC.

    Attributes:
        compared_at: when the comparison began.
        through: every event of the ledger that occurred until then was compared.
        events, accounts: of the ledger, that were compared.
        missing: the ledger has them and the lake has not.
        extra: the lake has them and the ledger has not.
        differing: both have them, and something about them is not the same.
        contradicting: of several copies in the lake the view `events` shows the right one, and another is not the same.
        unreadable: rows of the ledger of which no event can be made; nothing can be said of these.
        on_their_way: the ledger has them, the lake has not, and they are younger than the delivery may take.
        findings, accounts_found: the first.
        files: the lake's, that were compared.
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

    @property
    def is_sound(self) -> bool:
        """Ledger and lake agree on every event, but for those on their way, and nothing else is in the lake."""
        differs = self.files.stray or any(getattr(self, kind) for kind in KINDS)
        return not differs and all(each.ledger == each.lake for each in self.totals)

    @property
    def key(self) -> str:
        """Its own in the bucket, beside `LATEST_KEY`."""
        return f"{FOLDER}{self.compared_at:%Y-%m-%dT%H-%M-%S.%fZ}.json"


def to_json(verdict: ReconciliationResult) -> bytes:
    """The file."""
    return json.dumps({"format": FORMAT, **asdict(verdict)}, default=_text, indent=1).encode() + b"\n"


def finding_line(finding: Finding) -> str:
    """One line of JSON, as in the file's `findings`."""
    return json.dumps(asdict(finding))


def from_json(body: bytes) -> ReconciliationResult:
    """The verdict in a file.

    Raises:
        UnknownResult: see there.
    """
    try:
        found = json.loads(body)
        if found["format"] != FORMAT:
            raise UnknownResult(f"A verdict of format {found['format']}, not {FORMAT}: reconcile again.")
        return _verdict(found)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation, OverflowError, RecursionError) as error:
        raise UnknownResult(f"No verdict ({type(error).__name__}: {error}): reconcile again.") from error


def _verdict(found: Mapping[str, Any]) -> ReconciliationResult:
    late = found["lateness"]
    return ReconciliationResult(
        _time(found["compared_at"]),
        _time(found["through"]),
        **{name: _count(found[name]) for name in ("events", "accounts", *KINDS, "on_their_way", "differing_accounts")},
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
        raise ValueError(f"a finding of kind {each['kind']!r}")
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
        raise ValueError(f"{text!r} is no amount")
    return amount


def _seconds(number: object) -> float:
    if not isinstance(number, int | float) or isinstance(number, bool) or not math.isfinite(number):
        raise ValueError(f"{number!r} is no number of seconds")
    return float(number)


def _string(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is no text")
    return text


def _count(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ValueError(f"{number!r} counts nothing")
    return number


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else f"{value:f}"
