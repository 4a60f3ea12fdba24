"""For every row, the fast path returns the same event as the general path, or None."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from account_core.domain.events import Created, EventRow, SnapshotRow, Transfer
from account_events.avro import encoder
from account_events.avro.codec import Codec, decode
from account_events.avro.contract import load
from account_events.avro.encoder import ENCODERS, Encoders, glue_encoders
from account_events.avro.schemas_path import SCHEMAS
from ops.schema_gate import schema_folder
from ops.schema_gate.publication import plan
from projector import fast
from projector import outgoing as outgoing_module
from projector.fast import headers_of
from projector.outgoing import Outgoing, Poison
from projector.parse import parse, read_image
from projector.translate import translate
from tests.support.rows import history, stream_record
from tests.support.schema_files import TEXT_OR_NULL, Json, event, field, part, written
from tests.support.spellings import OTHER_NUMBERS, OTHER_TIMES

ROOT = SCHEMAS.parent
ROWS = list(history("account-1", 30))
IMAGES = [stream_record(row, 1)["dynamodb"] for row in ROWS]
OF_TRANSFERS = [
    replace(row, event=replace(row.event, transfer=Transfer(f"t-{row.sequence}", "account-2")))
    for row in ROWS
    if isinstance(row, EventRow) and not isinstance(row.event, Created)
]
CHANGES = [image for image in IMAGES if image["NewImage"]["Type"]["S"] != "SNAPSHOT"] + [
    stream_record(row, 1)["dynamodb"] for row in OF_TRANSFERS
]
TRANSFER = CHANGES[-1]

odd: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(
            {"S": text}
            for text in (
                "",
                "x",
                "ü",
                "\ud800",
                "a" * 257,
                "SNAPSHOT",
                "CREATED",
                "WITHDRAW",
                "0",
                "1",
                "2",
                "account-1",
            )
        ),
        *(
            {"S": at}
            for at in ("2026-01-31T09:30:00.000001Z", "2026-01-31T09:30:00Z", "0001-01-01T00:00:00.000001+14:00")
        ),
        *({"S": at} for at in ("2026-13-31T09:30:00.000001Z", *OTHER_TIMES)),
        *(
            {"N": number}
            for number in ("0", "1", "2", "3", "-1", "1.5", "10", "100", "1e3", "1E+2", "٣", "1_0", " 1", "+1")
        ),
        *(
            {"N": number}
            for number in ("0.0", "00.10", "1.50", "0.001", "9999999999999999.99", "10000000000000000", *OTHER_NUMBERS)
        ),
        *({"N": number} for number in ("NaN", "Infinity", "", ".", ".5", "5.", "-0", "0.00", "1" * 40, "12.3")),
        *({kind: None} for kind in "SN"),
        {"N": 1},
        {"S": b"x"},
        {"NULL": True},
        {"S": "x", "N": "1"},
        {},
        None,
        "x",
        [],
    ]
)
names = st.sampled_from(sorted({name for change in CHANGES for name in change["NewImage"]} | {"Digest"}))
edits = st.dictionaries(names, odd, max_size=3)


def fast_event(change: dict[str, Any], position: int, encoders: Encoders = ENCODERS) -> Outgoing | None:
    return fast.fast_event(change, position, headers_of(encoders))


def general_path(change: dict[str, Any], encoders: Encoders = ENCODERS) -> object:
    keys = change["Keys"]
    return read_image(change["NewImage"], keys["AccountId"]["S"], int(keys["Version"]["N"]), 7, encoders)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change["NewImage"]["Version"]["N"])
def test_both_paths_produce_the_same_framing(change: dict[str, Any]) -> None:
    ids = {encoder.fingerprint.hex(): str(UUID(int=n)) for n, encoder in enumerate(ENCODERS.values(), 1)}
    event = fast_event(change, 7, glue_encoders(ids))
    assert isinstance(event, Outgoing)
    assert event == general_path(change, glue_encoders(ids))
    assert event.data.startswith(b"\x03\x00")
    assert event.data[18:] == fast_event(change, 7).data[10:]  # type: ignore[union-attr]  # the next test shows that it is an event


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change["NewImage"]["Version"]["N"])
def test_every_common_row_takes_the_fast_path(change: dict[str, Any]) -> None:
    event = fast_event(change, 7)
    assert isinstance(event, Outgoing), "projector/fast.py does not write the fields of this working schema"
    assert event == general_path(change)


def test_a_snapshot_takes_the_general_path() -> None:
    assert [fast_event(image, 7) for image in IMAGES if image not in CHANGES] == [None] * 3
    assert [row.version for row in ROWS if isinstance(row, SnapshotRow)] == [10, 20, 30]


@given(st.sampled_from(CHANGES), edits, st.sets(names, max_size=2))
@example(CHANGES[0], {"Timestamp": {"S": "0001-01-01T00:00:00.000001+14:00"}}, set())
def test_both_paths_agree_on_any_row(change: dict[str, Any], edited: dict[str, Any], missing: set[str]) -> None:
    image = {name: value for name, value in {**change["NewImage"], **edited}.items() if name not in missing}
    mutated = {**change, "NewImage": image}
    event = fast_event(mutated, 7)
    if event is not None:
        assert event == general_path(mutated)


@pytest.mark.parametrize("at", OTHER_TIMES)
def test_a_time_in_another_spelling_is_parked(at: str) -> None:
    change = {**CHANGES[1], "NewImage": {**CHANGES[1]["NewImage"], "Timestamp": {"S": at}}}
    assert fast_event(change, 7) is None
    assert isinstance(general_path(change), Poison)


@pytest.mark.parametrize("name", ["Amount", "Balance", "Sequence", "Version", "Format"])
@pytest.mark.parametrize("number", OTHER_NUMBERS)
def test_a_number_that_only_python_reads_is_parked(name: str, number: str) -> None:
    change = {**CHANGES[1], "NewImage": {**CHANGES[1]["NewImage"], name: {"N": number}}}
    assert fast_event(change, 7) is None
    assert isinstance(general_path(change), Poison)


@pytest.mark.parametrize(
    "changed",
    [
        *({name: value} for name in ("TransferId", "CounterpartyId") for value in ({}, {"S": ""}, {"NULL": True})),
        {"TransferId": {"N": "1"}},
        {"CounterpartyId": {"S": "account-1"}},
    ],
)
def test_a_row_of_no_possible_transfer_is_parked(changed: dict[str, Any]) -> None:
    change = {**TRANSFER, "NewImage": {**TRANSFER["NewImage"], **changed}}
    assert fast_event(change, 7) is None
    assert isinstance(general_path(change), Poison)


def test_a_created_row_of_the_format_of_transfers_is_parked() -> None:
    transfer = {name: TRANSFER["NewImage"][name] for name in ("Format", "TransferId", "CounterpartyId")}
    change = {**CHANGES[0], "NewImage": {**CHANGES[0]["NewImage"], **transfer}}
    assert fast_event(change, 7) is None
    assert isinstance(general_path(change), Poison)


def test_an_earlier_format_with_a_transfer_is_an_ordinary_event() -> None:
    change = {**TRANSFER, "NewImage": {**TRANSFER["NewImage"], "Format": {"N": "2"}}}
    event = fast_event(change, 7)
    assert event == general_path(change)
    assert isinstance(event, Outgoing)
    fields = decode(event.data).fields
    assert (fields["transfer_id"], fields["counterparty_account_id"]) == (None, None)


@pytest.mark.parametrize("keys", [{"AccountId": {"S": "account-2"}}, {"Version": {"N": "3"}}, {}])
def test_a_row_under_another_key_takes_the_general_path(keys: dict[str, Any]) -> None:
    change = CHANGES[0]
    assert fast_event({**change, "Keys": {**change["Keys"], **keys} if keys else {}}, 7) is None


# --- newer schemas ---


@pytest.fixture
def newer_schemas(tmp_path: Path) -> Path:
    """A copy of the project's schemas, to be changed and published."""
    folder = tmp_path / "schemas"
    shutil.copytree(ROOT / "schemas", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def published(folder: Path, name: str, change: Callable[[Json], object]) -> Encoders:
    path = folder / f"{name}.avsc"
    draft = json.loads(path.read_text()) if path.exists() else event(name=name)
    change(draft)
    path.write_bytes(written(draft))
    planned = plan(schema_folder.read(folder))
    assert not planned.refused
    schema_folder.write(folder, planned.writes)
    return encoder.load(folder)


def add_field(draft: Json) -> None:
    position = draft["fields"].index(part(draft, "amount"))
    draft["fields"].insert(position, field("channel", TEXT_OR_NULL, default=None))


def batch_of(events: int) -> dict[str, Any]:
    return {"Records": [stream_record(row, position) for position, row in enumerate(history("account-1", events))]}


def test_the_codec_reads_events_with_a_new_field(newer_schemas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoders = published(newer_schemas, "BalanceCredited", add_field)

    def translated(row: EventRow) -> tuple[str, dict[str, Any]]:
        name, fields = translate(row)
        return name, fields | ({"channel": "branch"} if name == "BalanceCredited" else {})

    monkeypatch.setattr(outgoing_module, "translate", translated)
    arrivals = parse(batch_of(30), encoders).arrivals["account-1"]
    decode_new = Codec(load(newer_schemas)).decode
    read = [decode_new(arrival.data) for arrival in arrivals if isinstance(arrival, Outgoing)]
    rows = [row for row in ROWS if isinstance(row, EventRow)]
    assert [(found.name, found.fields) for found in read] == [translated(row) for row in rows]
    assert {found.fields["channel"] for found in read if found.name == "BalanceCredited"} == {"branch"}
    assert {kind: kind in headers_of(encoders) for kind in ("CREATED", "WITHDRAW", "CREDIT")} == {
        "CREATED": True,
        "WITHDRAW": True,
        "CREDIT": False,
    }


def test_a_new_field_without_a_value_parks_the_account(newer_schemas: Path) -> None:
    arrivals = parse(batch_of(3), published(newer_schemas, "BalanceCredited", add_field)).arrivals["account-1"]
    [created, credited, _] = arrivals
    assert isinstance(created, Outgoing)
    assert isinstance(credited, Poison)
    assert "BalanceCredited: missing fields ['channel']" in credited.reason


@pytest.mark.parametrize(
    "change",
    [
        lambda draft: draft["fields"].reverse(),
        lambda draft: part(draft, "request_id").update(type="string"),
        lambda draft: part(draft, "sequence").update(type={"type": "long", "logicalType": "timestamp-micros"}),
        lambda draft: draft["fields"].pop(),
    ],
)
def test_a_schema_of_another_order_or_type_has_no_fast_path(change: Callable[[Json], object]) -> None:
    source = json.loads((ROOT / "schemas/BalanceCredited.avsc").read_text())
    same = encoder.Encoder(source, bytes(8))
    assert headers_of({"BalanceCredited": same}) == {"CREDIT": same.header}
    change(source)
    assert headers_of({"BalanceCredited": encoder.Encoder(source, bytes(8))}) == {}


def test_with_a_new_event_all_others_still_take_the_fast_path(newer_schemas: Path) -> None:
    encoders = published(newer_schemas, "InterestPaid", lambda _: None)
    assert headers_of(encoders) == headers_of(ENCODERS)
    assert parse(batch_of(30), encoders) == parse(batch_of(30))
