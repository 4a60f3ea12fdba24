"""Reads the lines of an export with Spark's own expressions, if they have exactly the form that the service writes.

`ledger_rows` has the rules for what a row means, but Python takes 25 microseconds a row. This module applies the same
rules to rows that are certainly valid, and leaves every other row to `ledger_rows` (tests/spark/test_canonical.py shows
that both give the same events). A row is certainly valid if:

- its line consists of nothing but the attributes that the service writes, each once, without spaces and escapes;
- each value has the form that the service writes, and the time exists;
- it has the attributes of its type and format, and the version that belongs to its sequence;
- if it is part of a transfer, the counterparty is another account.
"""

from decimal import Decimal
from functools import reduce
from operator import add, and_, or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 -- as Spark's documentation names it

from account_core.domain.events import Created, Credited, EventRow, Transfer, Withdrawn
from account_core.rows import layout
from account_core.rows.items import EVENTS_PER_INTERVAL, SNAPSHOT, SNAPSHOT_EVERY, SNAPSHOT_FORMAT, to_item
from consumers.lake import table
from projector.translate import translate

EVENT, SKIPPED, OTHER = "event", "snapshot", "other"
"""The kinds of lines: an event that is certainly valid, a row that certainly is a snapshot, and every other line."""

LEDGER = {
    **{each.name: "bigint" if each.glue_type == "timestamp" else each.glue_type for each in table.EVENT_FIELDS},
    "event_type": "string",
    "dt": "string",
}
"""The columns of the ledger's events. Times are in microseconds since 1970, so that no time zone matters."""

_TIME = "[12][0-9]{3}-[01][0-9]-[0-3][0-9]T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9][.][0-9]{6}Z"
_DATE_LENGTH = len("2026-01-31")
_MONEY = r"(?:0|[1-9][0-9]{0,15})(?:[.][0-9]{1,2})?"
_ZEROS = ("0", "0.0", "0.00")
_TEXT = r'[^"\\\x00-\x1f]*+'
_NAME = r'[^"\\\x00-\x1f]++'
_WHOLE = "[1-9][0-9]{0,17}"

_ONE, _TRANSFER = Decimal("1.00"), Transfer("t", "b")
_ROWS = [
    EventRow("a", 1, 1, "2026-01-31T09:30:00.000001Z", event, _ONE, "EUR", "c")
    for event in (
        Created("o", "EUR"),
        Credited(_ONE),
        Withdrawn(_ONE),
        Credited(_ONE, _TRANSFER),
        Withdrawn(_ONE, _TRANSFER),
    )
]
_ITEMS = [to_item(row) for row in _ROWS]
"""An item of each type and format in which the service writes events."""
_NAMES = {item[layout.TYPE]["S"]: translate(row)[0] for item, row in zip(_ITEMS, _ROWS, strict=True)}
"""The domain event's name, by the row's type."""
_FORMATS = sorted({str(SNAPSHOT_FORMAT), *(item[layout.ROW_FORMAT]["N"] for item in _ITEMS)})

_ATTRIBUTES = {
    layout.ACCOUNT_ID: ("S", _TEXT),
    layout.VERSION: ("N", _WHOLE),
    layout.TYPE: ("S", "|".join((*_NAMES, SNAPSHOT))),
    layout.ROW_FORMAT: ("N", "|".join(_FORMATS)),
    layout.SEQUENCE: ("N", _WHOLE),
    layout.TIMESTAMP: ("S", _TIME),
    layout.CURRENCY: ("S", _TEXT),
    layout.BALANCE: ("N", _MONEY),
    layout.OWNER: ("S", _TEXT),
    layout.AMOUNT: ("N", _MONEY),
    layout.CORRELATION_ID: ("S", _TEXT),
    layout.REQUEST_ID: ("S", _TEXT),
    layout.COMMAND_ID: ("S", _TEXT),
    layout.TRANSFER_ID: ("S", _NAME),
    layout.COUNTERPARTY_ID: ("S", _NAME),
    layout.DIGEST: ("S", _TEXT),
}
"""Each attribute's type in DynamoDB JSON, and the pattern of its value."""
_BY_PATTERN: dict[tuple[str, str], list[str]] = {}
for _name, _form in _ATTRIBUTES.items():
    _BY_PATTERN.setdefault(_form, []).append(_name)
_NO_REQUEST = f'"{layout.REQUEST_ID}":{{"NULL":true}}'
_FRAGMENTS = [
    *(f'"(?:{"|".join(names)})":\\{{"{kind}":"(?:{value})"\\}}' for (kind, value), names in _BY_PATTERN.items()),
    _NO_REQUEST.replace("{", r"\{").replace("}", r"\}"),
]
_LINE = rf'^\{{"Item":\{{(?>(?:{"|".join(_FRAGMENTS)}),?)++\}}\}}$'
_SCHEMA = (
    "Item STRUCT<"
    + ", ".join(
        f"{name}: STRUCT<{kind}: STRING{', `NULL`: BOOLEAN' if name == layout.REQUEST_ID else ''}>"
        for name, (kind, _) in _ATTRIBUTES.items()
    )
    + ">"
)
_AROUND_BYTES = len('{"Item":{}}')
_VALUE_BYTES = len('"":{"S":""}')


def read(lines: DataFrame) -> DataFrame:
    """The columns `kind`, `line` and `version`, and those of LEDGER.

    The columns of LEDGER are null unless the kind is EVENT; but a row of the kind SKIPPED has its account. `line` is
    null unless the kind is OTHER, and `version`, the row's key as text, is null if it is.

    Args:
        lines: the lines of an export's files, as the column `value`.
    """
    parsed = lines.select("value", F.from_json("value", _SCHEMA).getField("Item").alias("item"))
    known = parsed.select("value", "item", _kind().alias("kind"))
    is_event, is_other = F.col("kind") == EVENT, F.col("kind") == OTHER
    values = _values()  # without fields that are newer than this module: rows that have them are of the kind OTHER
    return known.select(
        "kind",
        F.when(is_other, F.col("value")).alias("line"),
        F.when(~is_other, _value(layout.VERSION)).alias("version"),
        *(
            F.when(~is_other if name == "account_id" else is_event, values.get(name, F.lit(None)))
            .cast(kind)
            .alias(name)
            for name, kind in LEDGER.items()
        ),
    )


def _value(name: str) -> Column:
    return F.col("item").getField(name).getField(_ATTRIBUTES[name][0])


def _time() -> Column:
    """Null if there is no such time, like February 30."""
    return _value(layout.TIMESTAMP).cast("timestamp")


def _values() -> dict[str, Column]:
    sequence, kind = _value(layout.SEQUENCE), _value(layout.TYPE)
    return {
        "account_id": _value(layout.ACCOUNT_ID),
        "sequence": sequence,
        "event_id": F.concat_ws(":", _value(layout.ACCOUNT_ID), sequence),
        "event_type": F.coalesce(*(F.when(kind == stored, name) for stored, name in _NAMES.items())),
        "dt": F.substring(_value(layout.TIMESTAMP), 1, _DATE_LENGTH),
        "occurred_at": F.unix_micros(_time()),
        "correlation_id": _value(layout.CORRELATION_ID),
        "causation_id": _value(layout.COMMAND_ID),
        "request_id": _value(layout.REQUEST_ID),
        "owner": _value(layout.OWNER),
        "currency": _value(layout.CURRENCY),
        "amount": _value(layout.AMOUNT),
        "balance": _value(layout.BALANCE),
        "transfer_id": _value(layout.TRANSFER_ID),
        "counterparty_account_id": _value(layout.COUNTERPARTY_ID),
    }


def _kind() -> Column:
    version, sequence = _value(layout.VERSION).cast("bigint"), _value(layout.SEQUENCE).cast("bigint")
    is_snapshot = (
        (_value(layout.TYPE) == SNAPSHOT)
        & (_value(layout.ROW_FORMAT) == str(SNAPSHOT_FORMAT))
        & (version % SNAPSHOT_EVERY == 0)
        & _is_present(layout.ACCOUNT_ID)
    )
    is_event = (
        _has_attributes()
        & (version * EVENTS_PER_INTERVAL == sequence * SNAPSHOT_EVERY - 1 - (sequence - 1) % EVENTS_PER_INTERVAL)
        & _time().isNotNull()
        & F.coalesce(~_value(layout.AMOUNT).isin(*_ZEROS), F.lit(True))
        & F.coalesce(_value(layout.COUNTERPARTY_ID) != _value(layout.ACCOUNT_ID), F.lit(True))
    )
    return F.when(~_is_plain(), OTHER).when(is_snapshot, SKIPPED).when(is_event, EVENT).otherwise(OTHER)


def _has_attributes() -> Column:
    """Whether the row has exactly the attributes that the service writes for its type and format.

    CommandId is optional.
    """
    of_types: dict[tuple[frozenset[str], str], list[str]] = {}
    for item in _ITEMS:
        of_types.setdefault((frozenset(item), item[layout.ROW_FORMAT]["N"]), []).append(item[layout.TYPE]["S"])
    names = [frozenset(item) for item in _ITEMS]
    everywhere, anywhere = frozenset.intersection(*names), frozenset.union(*names)
    fixed = [_is_present(name) for name in _ATTRIBUTES if name in everywhere]
    fixed += [~_is_present(name) for name in _ATTRIBUTES if name not in {*anywhere, layout.COMMAND_ID}]
    by_type = [
        reduce(
            and_,
            (_is_present(name) == F.lit(name in present) for name in sorted(anywhere - everywhere)),
            _value(layout.TYPE).isin(*stored) & (_value(layout.ROW_FORMAT) == row_format),
        )
        for (present, row_format), stored in of_types.items()
    ]
    return reduce(and_, fixed) & reduce(or_, by_type)


def _is_present(name: str) -> Column:
    return F.col("item").getField(name).isNotNull()


def _is_plain() -> Column:
    """Whether the line consists of these attributes only, each once.

    The pattern allows an attribute twice. Then the line is longer than the attributes that were read.
    """
    lengths = [
        F.coalesce(F.octet_length(_value(name)) + (_VALUE_BYTES + len(name) + 1), F.lit(0)) for name in _ATTRIBUTES
    ]
    no_request = F.col("item").getField(layout.REQUEST_ID).getField("NULL")
    lengths += [F.when(no_request, len(_NO_REQUEST) + 1).otherwise(0), F.lit(_AROUND_BYTES - 1)]
    return F.coalesce(F.col("value").rlike(_LINE) & (F.octet_length("value") == reduce(add, lengths)), F.lit(False))
