"""Bytes that are not an event: each kind of damage has its own error, and none is decoded as an event."""

import gzip
import json
import shutil
from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_events.avro import encoder
from account_events.avro.codec import HEADER_SIZE, Codec, decode, encode
from account_events.avro.contract import load
from account_events.avro.encoder import FINGERPRINTS
from account_events.avro.errors import CorruptBody, Undecodable, UnknownFingerprint, UnknownFraming
from account_events.avro.schemas_path import SCHEMAS
from account_events.avro.values import rule_for

FOLDER = SCHEMAS
EVENT = encode(
    "BalanceCredited",
    {
        "event_id": "a-1:2",
        "account_id": "a-1",
        "sequence": 2,
        "occurred_at": datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
        "correlation_id": "c-1",
        "causation_id": None,
        "request_id": None,
        "amount": Decimal("12.34"),
        "currency": "EUR",
        "balance": Decimal("12.34"),
        "transfer_id": None,
        "counterparty_account_id": None,
    },
)
NO_TRANSFER = b"\x00\x00"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xf3\x89\x9a\xc2" + EVENT, "KPL"),
        (b"\x00\x00\x00\x00\x07" + EVENT[10:], "Confluent"),
        (EVENT[10:], "raw Avro without a header; it reads as BalanceCredited or BalanceWithdrawn"),
        (b"Obj\x01\x04\x14avro.codec", "an Avro object container file"),
        (gzip.compress(EVENT, mtime=0), "gzip"),
        (b'{"account_id": "a-1"}', "JSON"),
        (b' \n[{"account_id": "a-1"}]', "JSON"),
        (b64encode(EVENT), "single-object encoding in base64"),
        (b64encode(b"\x03\x00" + bytes(16) + EVENT), "Glue's framing in base64"),
        (b64encode(b"\x03\x05" + b"\xff" * 16 + EVENT), "Glue's framing in base64"),
        (b"", "data is empty"),
        (b"\xc3", "begin with c3"),
        (EVENT[:9], "only 9"),
    ],
)
def test_another_framing_is_named(data: bytes, message: str) -> None:
    with pytest.raises(UnknownFraming, match=message):
        decode(data)


def test_an_unknown_schema_is_named_by_its_fingerprint() -> None:
    with pytest.raises(UnknownFingerprint, match="0102030405060708") as caught:
        decode(b"\xc3\x01" + bytes(range(1, 9)) + EVENT[10:])
    assert caught.value.fingerprint == "0102030405060708"


@pytest.mark.parametrize("size", range(HEADER_SIZE, len(EVENT)))
def test_a_truncated_body_is_corrupt(size: int) -> None:
    with pytest.raises(CorruptBody, match="BalanceCredited"):
        decode(EVENT[:size])


def test_bytes_after_the_body_are_corrupt() -> None:
    with pytest.raises(CorruptBody, match="3 bytes follow"):
        decode(EVENT + b"abc")


def test_an_amount_of_nineteen_digits_is_corrupt() -> None:
    balance = (10**18 + 1).to_bytes(8, "big")
    assert EVENT.endswith(b"\x04\x04\xd2" + NO_TRANSFER)
    with pytest.raises(CorruptBody, match=r"balance has an invalid value: more digits"):
        decode(EVENT[:-5] + b"\x10" + balance + NO_TRANSFER)


@pytest.mark.parametrize(
    ("part", "impossible"),
    [
        (b"\x06c-1", b"\x06\xff-1"),
        (b"\x06c-1\x00", b"\x06c-1\x04"),
        (b"\x06c-1", b"\x05c-1"),
        (b"\x80\xd8\xc0\xbd\xf7\xea\xa4\x06", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    ],
    ids=["text not UTF-8", "third branch of two", "length below zero", "time after the year 9999"],
)
def test_an_impossible_value_is_corrupt(part: bytes, impossible: bytes) -> None:
    assert EVENT.count(part) == 1
    with pytest.raises(CorruptBody, match="invalid value"):
        decode(EVENT.replace(part, impossible))


@given(st.binary(max_size=80))
def test_no_body_raises_anything_but_undecodable(body: bytes) -> None:
    try:
        decode(EVENT[:HEADER_SIZE] + body)
    except Undecodable as error:
        assert isinstance(error, CorruptBody)  # noqa: PT017 -- most bodies are corrupt, some are valid


@pytest.fixture
def evolved(tmp_path: Path) -> Path:
    """The contract one version later: BalanceCredited has a new optional field."""
    folder = tmp_path / "schemas"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    working = folder / "BalanceCredited.avsc"
    source = json.loads(working.read_text())
    source["fields"].append({"name": "channel", "type": ["null", "string"], "default": None, "doc": "Where."})
    working.write_text(json.dumps(source))
    fingerprint = load(folder).working["BalanceCredited"].fingerprint.hex()
    kept = json.loads((folder / FINGERPRINTS).read_text())
    (folder / FINGERPRINTS).write_text(json.dumps(kept | {"BalanceCredited": fingerprint}))
    return folder


def test_an_event_written_with_a_past_version_is_still_read(evolved: Path) -> None:
    codec = Codec(load(evolved))
    old = codec.decode(EVENT)
    new = codec.decode(encoder.load(evolved)["BalanceCredited"].encode({**old.fields, "channel": "app"}))
    assert (old.fields["event_id"], "channel" in old.fields) == ("a-1:2", False)
    assert (new.fields["channel"], new.fingerprint != old.fingerprint) == ("app", True)


def test_an_event_of_a_future_version_is_refused(evolved: Path) -> None:
    future = encoder.load(evolved)["BalanceCredited"].encode({**decode(EVENT).fields, "channel": None})
    with pytest.raises(UnknownFingerprint):
        decode(future)


def test_the_first_published_version_owns_a_fingerprint(evolved: Path) -> None:
    working = evolved / "BalanceWithdrawn.avsc"
    working.write_text(working.read_text().replace('"scale": 2', '"scale": 3'))
    known = load(evolved).known
    published = next(schema for schema in known.values() if schema.name == "BalanceWithdrawn")
    assert published.field_types["amount"]["scale"] == 2


def test_a_file_under_another_name_is_refused(evolved: Path) -> None:
    (evolved / "BalanceCredited.avsc").rename(evolved / "BalanceAdded.avsc")
    with pytest.raises(ValueError, match=r"must contain the record account\.events\.v1\.BalanceAdded"):
        load(evolved)


def test_a_type_without_a_rule_is_refused_when_the_contract_is_loaded() -> None:
    with pytest.raises(NotImplementedError, match="double"):
        rule_for("double")
