"""Schemas found by version id: they are cached, may be newer than this release, and must belong to this contract."""

import json
from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_events.avro import glue_framing
from account_events.avro.codec import CONTRACT, Codec, decode
from account_events.avro.errors import ForeignSchema, UnknownSchemaVersion
from tests.unit.avro.given import EVENT, ID, IDS, SOURCES, decoded_or_undecodable
from tests.unit.avro.test_codec import WITHDRAWN


def test_without_a_registry_the_error_asks_for_one() -> None:
    with pytest.raises(
        UnknownSchemaVersion, match=rf"{IDS['BalanceWithdrawn']} .* pass a registry to the Codec"
    ) as caught:
        decode(EVENT)
    assert caught.value.version_id == IDS["BalanceWithdrawn"]


class Registry:
    """A registry that counts its calls, and raises for the first `failures` of them."""

    def __init__(self, source: str | None, failures: int = 0) -> None:
        self.source, self.failures = source, failures
        self.requested: list[str] = []

    def __call__(self, version_id: str) -> str | None:
        self.requested.append(version_id)
        if len(self.requested) <= self.failures:
            raise TimeoutError
        return self.source


def test_a_missing_version_is_not_cached() -> None:
    registry = Registry(None)
    codec = Codec(CONTRACT, registry)
    for _ in range(3):
        with pytest.raises(UnknownSchemaVersion, match="not in this registry"):
            codec.decode(EVENT)
    assert registry.requested == [IDS["BalanceWithdrawn"]] * 3


def test_a_failed_lookup_is_not_cached() -> None:
    registry = Registry(SOURCES[IDS["BalanceWithdrawn"]], failures=2)
    codec = Codec(CONTRACT, registry)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            codec.decode(EVENT)
    assert [codec.decode(EVENT).fields for _ in range(3)] == [WITHDRAWN] * 3
    assert len(registry.requested) == 3


NEWER: dict[str, Any] = json.loads(SOURCES[IDS["BalanceWithdrawn"]])
NEWER["fields"] += [
    {"name": "channel", "type": ["null", "string"], "default": None},
    {"name": "rate", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 4}]},
    {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["CARD", "TRANSFER"]}},
    {"name": "tags", "type": {"type": "array", "items": "string"}},
    {"name": "by", "type": {"type": "record", "name": "By", "fields": [{"name": "at", "type": "double"}]}},
]
MORE = {"channel": "app", "rate": Decimal("1.2345"), "kind": "CARD", "tags": ["a"], "by": {"at": 0.5}}
NEWER_CODEC = Codec(CONTRACT, {ID: json.dumps(NEWER)}.get)


def newer(fields: dict[str, Any]) -> bytes:
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(NEWER), fields)
    return glue_framing.header(ID) + body.getvalue()


def test_a_newer_schema_comes_from_the_registry() -> None:
    event = NEWER_CODEC.decode(newer(WITHDRAWN | MORE))
    assert (event.name, event.fields) == ("BalanceWithdrawn", WITHDRAWN | MORE)
    assert bytes.fromhex(event.fingerprint) not in CONTRACT.known


def test_a_schema_may_have_a_full_name() -> None:
    source = json.loads(SOURCES[IDS["BalanceWithdrawn"]])
    source["name"] = f"{source.pop('namespace')}.{source['name']}"
    assert Codec(CONTRACT, lambda _: json.dumps(source)).decode(EVENT).fields == WITHDRAWN


NO_END = "its field extra has an (unknown or recursive type|array whose items take no bytes)"


def record_with(field: dict[str, Any]) -> str:
    return json.dumps(
        {"type": "record", "name": "account.events.v1.AccountCreated", "fields": [{"name": "extra", **field}]}
    )


def test_a_new_event_type_is_read_with_its_own_schema() -> None:
    source = json.loads(SOURCES[IDS["BalanceWithdrawn"]]) | {"name": "BalanceSeized"}
    event = Codec(CONTRACT, lambda _: json.dumps(source)).decode(EVENT)
    assert (event.name, event.fields) == ("BalanceSeized", WITHDRAWN)


def test_an_id_that_was_not_found_is_looked_up_again() -> None:
    sources: list[str | None] = [None, SOURCES[IDS["BalanceWithdrawn"]]]
    codec = Codec(CONTRACT, lambda _: sources.pop(0))
    with pytest.raises(UnknownSchemaVersion):
        codec.decode(EVENT)
    assert codec.decode(EVENT).fields == codec.decode(EVENT).fields == WITHDRAWN


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "not one of this contract's"),
        ("{", "not one of this contract's"),
        ("null", "it is not a record"),
        ('"string"', "it is not a record"),
        ('{"type": "record"}', "not one of this contract's"),
        ('{"type": "record", "name": "AccountCreated", "fields": []}', "AccountCreated is not in account.events.v1"),
        (record_with({"type": ["null", "AccountCreated"]}), NO_END),
        (record_with({"type": "AccountCreated"}), NO_END),
        (record_with({"type": {"type": "array", "items": "null"}}), NO_END),
        (record_with({"type": {"type": "array", "items": {"type": "record", "name": "R", "fields": []}}}), NO_END),
        ('{"type": "record", "name": "account.events.v1.AccountCreated", "fields": [1]}', "not one of this contract's"),
        ('{"type": "record", "name": "account.events.v1.AccountCreated", "fields": 1}', "not one of this contract's"),
        ('{"type": "record", "name": 1, "fields": []}', "not one of this contract's"),
        ("[" * 100_000, "not one of this contract's"),
        (json.dumps({"type": "record", "name": "x" * 100_000, "fields": []}), "ValueError: xxx"),
    ],
)
def test_a_source_outside_the_contract_is_foreign(source: str, message: str) -> None:
    with pytest.raises(ForeignSchema, match=message) as caught:
        Codec(CONTRACT, lambda _: source).decode(EVENT)
    assert len(str(caught.value)) < 400


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "record", "string", "account.events.v1.AccountCreated"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "name", "namespace", "fields", "items", "default"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
NAMED = {"type": "record", "name": "account.events.v1.AccountCreated"}


@given(json_values.map(json.dumps) | json_values.map(lambda fields: json.dumps(NAMED | {"fields": fields})) | st.text())
def test_no_source_raises_anything_but_undecodable(source: str) -> None:
    decoded_or_undecodable(Codec(CONTRACT, lambda _: source), EVENT)


@given(st.binary(max_size=80))
def test_with_a_newer_schema_no_bytes_raise_anything_but_undecodable(rest: bytes) -> None:
    decoded_or_undecodable(NEWER_CODEC, newer(WITHDRAWN | MORE)[:-20] + rest)
