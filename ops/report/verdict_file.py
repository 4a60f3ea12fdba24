"""The last reconciliation's verdict, as it is kept in the lake's bucket."""

import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ops.report.badge import Reconciliation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

KEY = "reconciliations/latest.json"


class Unreadable(Exception):
    """There is a verdict, but not in a form that this release knows; the message says what is wrong."""


def latest(s3: "S3Client", bucket: str) -> Reconciliation | None:
    """The last verdict; None if nobody ever reconciled.

    Raises:
        Unreadable: see there.
    """
    try:
        body = s3.get_object(Bucket=bucket, Key=KEY)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return verdict(body)


def verdict(body: bytes) -> Reconciliation:
    """Of the file's content.

    Raises:
        Unreadable: see there.
    """
    try:
        found: Mapping[str, Any] = json.loads(body)
        totals = [(each["currency"], _amount(each["lake"]) - _amount(each["ledger"])) for each in found["totals"]]
        return Reconciliation(
            at=_time(found["compared_at"]),
            through=_time(found["through"]),
            events=_count(found["events"]),
            accounts=_count(found["accounts"]),
            missing=_count(found["missing"]),
            extra=_count(found["extra"]),
            differing=_count(found["differing"]),
            coming=_count(found["on_their_way"]),
            gaps=tuple((currency, gap) for currency, gap in totals if gap),
        )
    except KeyError as error:
        raise Unreadable(f"it has no {error}") from None
    except (ValueError, TypeError, InvalidOperation, RecursionError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from None


def _time(text: str) -> datetime:
    """In UTC, without saying so."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"a time without its offset: {text}")
    return instant.astimezone(UTC).replace(tzinfo=None)


def _count(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise TypeError(f"no count: {number!r}")
    return number


def _amount(text: str) -> Decimal:
    amount = Decimal(text)
    if not amount.is_finite():
        raise ValueError(f"no amount: {text}")
    return amount
