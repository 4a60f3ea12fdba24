"""Events of every published schema version, decoded into this release's classes."""

import json
import shutil
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest

from account_events.aggregation.packing import aggregate
from account_events.avro import encoder
from account_events.avro.codec import CONTRACT, Codec
from account_events.avro.contract import load
from account_events.avro.encoder import FINGERPRINTS, encode
from account_events.avro.errors import (
    CorruptAggregate,
    CorruptBody,
    IncompatibleSchema,
    UnknownFingerprint,
    UnknownFraming,
)
from account_events.avro.schemas_path import SCHEMAS
from account_events.consumer import AccountCreated, BalanceCredited, Decoder, OtherEvent
from tests.unit.consumer.given import encoded

FOLDER = SCHEMAS
GOLDEN = Path(__file__).parents[2] / "golden" / "avro"
FIELDS: dict[str, Any] = {
    "event_id": "a-1:2",
    "account_id": "a-1",
    "sequence": 2,
    "occurred_at": datetime(2026, 1, 31, 9, 30, 0, 1, UTC),
    "correlation_id": "c-1",
    "causation_id": None,
    "request_id": "r-1",
    "amount": Decimal("12.34"),
    "currency": "EUR",
    "balance": Decimal("-0.01"),
    "transfer_id": "t-1",
    "counterparty_account_id": "a-2",
}


def golden(name: str) -> bytes:
    return bytes.fromhex((GOLDEN / f"{name}.hex").read_text())


def test_an_event_has_all_its_fields() -> None:
    event = Decoder().decode(encode("BalanceCredited", FIELDS))
    assert event == BalanceCredited(**FIELDS)
    assert asdict(event) == FIELDS
    assert hash(event) == hash(BalanceCredited(**FIELDS))
    assert repr(event) == repr(BalanceCredited(**FIELDS))
    with pytest.raises(FrozenInstanceError):
        event.sequence = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", [path.stem for path in sorted(GOLDEN.glob("*.1*.hex")) if ".glue" not in path.name])
def test_newer_fields_of_a_version_1_event_have_their_defaults(name: str) -> None:
    event = Decoder().decode(golden(name))
    assert type(event).__name__ == name.split(".", maxsplit=1)[0]
    assert event.request_id is None
    assert event.event_id == f"{event.account_id}:{event.sequence}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "schemas"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return copy


def _changed(folder: Path, name: str, change: Any) -> None:  # noqa: ANN401 -- a function on the schema's JSON
    working = folder / f"{name}.avsc"
    source = json.loads(working.read_text())
    change(source)
    working.write_text(json.dumps(source))
    kept = json.loads((folder / FINGERPRINTS).read_text())
    (folder / FINGERPRINTS).write_text(
        json.dumps({**kept, **{name: schema.fingerprint.hex() for name, schema in load(folder).working.items()}})
    )


def test_fields_of_a_later_writer_are_left_out(folder: Path) -> None:
    _changed(
        folder,
        "BalanceCredited",
        lambda source: source["fields"].insert(3, {"name": "channel", "type": ["null", "string"], "default": None}),
    )
    data = encoder.load(folder)["BalanceCredited"].encode({**FIELDS, "channel": "app"})
    with pytest.raises(UnknownFingerprint):
        Decoder().decode(data)
    assert Decoder(Codec(load(folder))).decode(data) == BalanceCredited(**FIELDS)


def _field(source: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in source["fields"] if each["name"] == name)
    return found


def _with_another_event(folder: Path, change: Callable[[dict[str, Any]], object] = lambda _: None) -> None:
    source = json.loads((folder / "BalanceCredited.avsc").read_text()) | {"name": "InterestPaid"}
    change(source)
    (folder / "InterestPaid.avsc").write_text(json.dumps(source))
    _changed(folder, "BalanceCredited", lambda _: None)


def test_an_event_without_a_class_becomes_an_other_event(folder: Path) -> None:
    _with_another_event(folder)
    event = Decoder(Codec(load(folder))).decode(encoder.load(folder)["InterestPaid"].encode(FIELDS))
    assert isinstance(event, OtherEvent)
    assert (event.name, event.event_id, event.sequence, event.fields) == ("InterestPaid", "a-1:2", 2, FIELDS)
    assert Decoder(contract=load(folder)).decode(encoder.load(folder)["InterestPaid"].encode(FIELDS)) == event


def test_an_other_event_may_have_no_request_id(folder: Path) -> None:
    _with_another_event(folder, lambda source: source["fields"].remove(_field(source, "request_id")))
    fields = {name: value for name, value in FIELDS.items() if name != "request_id"}
    event = Decoder(Codec(load(folder))).decode(encoder.load(folder)["InterestPaid"].encode(fields))
    assert isinstance(event, OtherEvent)
    assert (event.request_id, event.fields) == (None, fields)


def test_a_request_id_of_another_type_is_only_in_fields(folder: Path) -> None:
    _with_another_event(folder, lambda source: _field(source, "request_id").update(type="long", default=0))
    fields = {**FIELDS, "request_id": 7}
    event = Decoder(Codec(load(folder))).decode(encoder.load(folder)["InterestPaid"].encode(fields))
    assert isinstance(event, OtherEvent)
    assert (event.request_id, event.fields["request_id"]) == (None, 7)


@pytest.mark.parametrize(
    ("field", "wrong"), [("sequence", "string"), ("occurred_at", "string"), ("account_id", "long")]
)
def test_common_fields_of_other_types_are_incompatible(folder: Path, field: str, wrong: str) -> None:
    source = json.loads((folder / "BalanceCredited.avsc").read_text()) | {"name": "InterestPaid"}
    _field(source, field)["type"] = wrong
    codec = Codec(CONTRACT, lambda _: json.dumps(source))
    with pytest.raises(IncompatibleSchema, match=field):
        Decoder(codec).decode(b"\x03\x00" + bytes(16) + encode("BalanceCredited", FIELDS)[10:])


def test_missing_common_fields_are_incompatible(folder: Path) -> None:
    _with_another_event(folder, lambda source: source["fields"].pop(0))
    fields = {name: value for name, value in FIELDS.items() if name != "event_id"}
    with pytest.raises(IncompatibleSchema, match="event_id"):
        Decoder(Codec(load(folder))).decode(encoder.load(folder)["InterestPaid"].encode(fields))


@pytest.mark.parametrize("account_id", ["", "x" * 257])
def test_an_impossible_account_id_is_corrupt(account_id: str) -> None:
    """DynamoDB refuses an empty key and one of more than 2 KB."""
    with pytest.raises(CorruptBody, match="account_id must have 1 to 256 characters"):
        Decoder().decode(encode("BalanceCredited", {**FIELDS, "account_id": account_id}))
    assert Decoder().decode(encode("BalanceCredited", {**FIELDS, "account_id": "x" * 256}))


@pytest.mark.parametrize("sequence", [0, -1])
def test_a_sequence_below_one_is_corrupt(sequence: int) -> None:
    with pytest.raises(CorruptBody, match="begin with 1"):
        Decoder().decode(encode("BalanceCredited", {**FIELDS, "sequence": sequence}))


def test_amounts_are_exact_in_any_decimal_context() -> None:
    fields = {**FIELDS, "balance": Decimal("1234567890123456.78")}
    with localcontext(prec=9):
        assert encode("BalanceCredited", fields) == encode("BalanceCredited", dict(fields))
        event = Decoder().decode(encode("BalanceCredited", fields))
    assert event == BalanceCredited(**fields)


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("balance", {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 3}),
        ("balance", {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}),
        ("balance", "bytes"),
        ("occurred_at", {"type": "long", "logicalType": "timestamp-millis"}),
        ("occurred_at", "long"),
        ("sequence", "string"),
    ],
    ids=["scale", "precision", "not a decimal", "milliseconds", "not a time", "text"],
)
def test_a_field_with_another_meaning_is_incompatible(folder: Path, field: str, changed: Any) -> None:  # noqa: ANN401 -- an Avro type
    """The schema gate refuses such a change. A schema that bypassed it would give a wrong amount, or a date in 1970."""

    def change(source: dict[str, Any]) -> None:
        source["name"] = "BalanceCredited"
        next(each for each in source["fields"] if each["name"] == field)["type"] = changed
        source["fields"].append({"name": "channel", "type": ["null", "string"], "default": None})

    _changed(folder, "BalanceCredited", change)
    contract = load(folder)
    writer = contract.working["BalanceCredited"]
    data = b"\xc3\x01" + writer.fingerprint + encode("BalanceCredited", FIELDS)[10:] + b"\x00"
    with pytest.raises(IncompatibleSchema, match="BalanceCredited"):
        Decoder(Codec(contract)).decode(data)


def test_a_class_that_differs_from_its_schema_is_refused() -> None:
    @dataclass(frozen=True)
    class Created:
        owner: str

    @dataclass(frozen=True, slots=True)
    class Slotted:
        owner: str

    with pytest.raises(TypeError, match="Created and the schema AccountCreated differ in account_id, balance"):
        Decoder(events={"AccountCreated": Created})
    for name, kind in (("AccountCreated", Slotted), ("AccountOpened", AccountCreated), ("AccountCreated", str)):
        with pytest.raises(TypeError, match="must be a dataclass without slots"):
            Decoder(events={name: kind})


@pytest.mark.parametrize("version", [1, 2])
def test_an_event_in_glue_framing_is_read_with_current_fields(version: int) -> None:
    source = (FOLDER / f"history/AccountCreated/{version}.avsc").read_text()
    codec = Codec(CONTRACT, lambda _: source)
    framed, own = golden(f"AccountCreated.{version}.glue"), golden(f"AccountCreated.{version}")
    assert framed != own
    assert isinstance(Decoder(codec).decode(framed), AccountCreated)
    assert Decoder(codec).decode(b"\x03\x00" + bytes(16) + own[10:]) == Decoder().decode(own)


def test_events_returns_all_events_of_a_record_or_raises() -> None:
    datas = encoded("a-1", 3)
    events = Decoder().events(aggregate("0", "0", datas))
    assert [event.sequence for event in events] == [1, 2, 3]
    assert isinstance(events[0], AccountCreated)
    assert Decoder().events(datas[1]) == [events[1]]
    with pytest.raises(CorruptBody):
        Decoder().events(aggregate("0", "0", [*datas[:2], datas[2][:-1]]))
    with pytest.raises(CorruptAggregate):
        Decoder().events(aggregate("0", "0", datas)[:-1])
    with pytest.raises(UnknownFraming, match="KPL"):
        Decoder().decode(aggregate("0", "0", datas))
