"""Every way of reading refuses a body that contradicts its schema."""

import json
import zlib
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal, localcontext
from io import BytesIO
from typing import Any
from uuid import UUID

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from account_events.avro import glue_framing
from account_events.avro.codec import CONTRACT, Codec, encode
from account_events.avro.contract import COMMON_FIELDS, NAMESPACE, parse
from account_events.avro.errors import CorruptBody, ForeignSchema, Undecodable
from account_events.consumer import Decoder, OtherEvent
from consumers.lake.rows import Rows
from tests.unit.avro.given import ID
from tests.unit.avro.test_codec import WITHDRAWN, events

Json = dict[str, Any]
FIXED: Json = {"type": "fixed", "name": "F", "size": 4}
ENUM: Json = {"type": "enum", "name": "E", "symbols": ["A", "B"]}


def money(precision: object, scale: object = 0) -> Json:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def source(*types: Any, name: str = "InterestPaid") -> str:  # noqa: ANN401 -- Avro's JSON
    """A later release's schema, as a registry returns it: the common fields, then one field of each type."""
    fields = [*COMMON_FIELDS.items(), *((f"more_{number}", avro_type) for number, avro_type in enumerate(types))]
    named = [{"name": field, "type": avro_type} for field, avro_type in fields]
    return json.dumps({"type": "record", "namespace": NAMESPACE, "name": name, "fields": named})


COMMON = bytes.fromhex("0c616c6d613a3208616c6d610480abe08beaeaa40606632d3300")  # alma:2, alma, 2, 2026-01-31, c-3, null


def read(avro_type: Any, body: str) -> Any:  # noqa: ANN401 -- a value
    """Read a field of an event type that the consumer does not know."""
    codec = Codec(CONTRACT, lambda _: source(avro_type))
    event = Decoder(codec).decode(glue_framing.header(ID) + COMMON + bytes.fromhex(body))
    assert isinstance(event, OtherEvent)
    return event.fields["more_0"]


CORRUPT = [
    ("boolean", "02"),
    ("boolean", "ff"),
    ("boolean", ""),
    ("int", "8080808010"),  # 2**31
    ("int", "8180808010"),  # -2**31 - 1
    ("int", "8000"),
    ("long", "8000"),
    ("long", "81808000"),
    ("long", "ffffffffffffffffff02"),  # 65 bits
    ("long", "80808080808080808002"),
    ("long", "ffffffffffffffffffff01"),
    ("long", "80" * 20 + "01"),
    ("long", "8080808080808000"),  # eight bytes, of which the last is superfluous
    ("long", "ff"),
    ("float", "000000"),
    ("double", "00000000000000"),
    ("string", "0161"),
    ("string", "0361"),
    ("string", "ffffffffffffffffff01"),  # a length of -2**63
    ("string", "feffffffffffffffff01"),  # a length of 2**63 - 1
    ("string", "820061"),  # a length of 1 in two bytes
    ("string", "02ff"),
    ("string", "04c080"),  # an overlong null
    ("string", "06eda080"),  # half of a surrogate pair
    ("string", "0461"),
    ("bytes", "01"),
    ("bytes", "0300"),
    ("bytes", "0400"),
    (FIXED, "000000"),
    (FIXED, "0000000000"),
    (ENUM, "04"),
    (ENUM, "01"),
    (ENUM, "8000"),
    (["null", "string"], "01"),
    (["null", "string"], "03"),
    (["null", "string"], "04"),
    (["null", "string"], "80000261"),
    (["null", "long", "boolean"], "0102"),
    (["null", "long", "boolean"], "0600"),
    ({"type": "array", "items": "long"}, "0202"),
    ({"type": "array", "items": "long"}, "040200"),
    ({"type": "array", "items": "long"}, "0302020400"),  # the block's size is one byte, its items take two
    ({"type": "array", "items": "long"}, "0306020400"),
    ({"type": "array", "items": "long"}, "0301020400"),
    ({"type": "array", "items": "long"}, "ffffffffffffffffff010000"),
    ({"type": "array", "items": FIXED}, "feffffffffffffffff0100"),
    ({"type": "array", "items": FIXED}, "02000000"),
    ({"type": "map", "values": "long"}, "020261"),
    ({"type": "map", "values": "long"}, "04026102026104" + "00"),  # a repeated key
    ({"type": "map", "values": "long"}, "0206026102" + "00"),
    ({"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "long"]}]}, "01"),
    (money(4, 2), "0400bc614e"),
    (money(4, 2), "042710"),  # 100.00
    (money(4, 2), "04d8f0"),  # -100.00
    (money(4, 2), "00"),
    (money(4, 2), "040001"),
    (money(4, 2), "04ffff"),
    (money(4), "042710"),
    (money(1), "020a"),
    (money(38, 10), "20" + "4b3b4ca85a86c47a098a224000000000"),  # 10**38
    (money(77, 38), "42" + "01" + "00" * 32),
    (["null", money(4, 2)], "02042710"),
    ({"type": "array", "items": money(4, 2)}, "0204271000"),
    ({"type": "map", "values": money(4, 2)}, "0202610427" + "1000"),
    ({"type": "record", "name": "R", "fields": [{"name": "a", "type": money(4, 2)}]}, "042710"),
    (FIXED | {"logicalType": "decimal", "precision": 4, "scale": 2}, "00002710"),
    ({"type": "int", "logicalType": "date"}, "feffffff0f"),
    ({"type": "int", "logicalType": "time-millis"}, "01"),
    ({"type": "int", "logicalType": "time-millis"}, "80f0b252"),  # 24:00
    ({"type": "long", "logicalType": "time-micros"}, "01"),
    ({"type": "long", "logicalType": "time-micros"}, "8080bbdd8305"),
    ({"type": "long", "logicalType": "timestamp-millis"}, "feffffffffffffffff01"),
    ({"type": "long", "logicalType": "timestamp-micros"}, "feffffffffffffffff01"),
    ({"type": "long", "logicalType": "local-timestamp-micros"}, "ffffffffffffffffff01"),
    ({"type": "string", "logicalType": "uuid"}, "48" + b"z0000000-0000-0000-0000-000000000000".hex()),
    ({"type": "string", "logicalType": "uuid"}, "40" + b"00000000000000000000000000000000".hex()),
]


@pytest.mark.parametrize(("avro_type", "body"), CORRUPT, ids=str)
def test_a_body_that_contradicts_its_schema_is_corrupt(avro_type: Any, body: str) -> None:  # noqa: ANN401 -- Avro's JSON
    with pytest.raises(CorruptBody, match="InterestPaid"):
        read(avro_type, body)


@pytest.mark.parametrize(
    ("avro_type", "body", "value"),
    [
        ("null", "", None),
        ("boolean", "01", True),
        ("int", "feffffff0f", 2**31 - 1),
        ("int", "ffffffff0f", -(2**31)),
        ("long", "feffffffffffffffff01", 2**63 - 1),
        ("long", "ffffffffffffffffff01", -(2**63)),
        ("float", "0000003f", 0.5),
        ("double", "000000000000e03f", 0.5),
        (ENUM, "02", "B"),
        (FIXED, "00010203", b"\0\1\2\3"),
        ({"type": "array", "items": "long"}, "04020400", [1, 2]),
        ({"type": "array", "items": "long"}, "0202020400", [1, 2]),  # two blocks
        ({"type": "array", "items": "long"}, "0304020400", [1, 2]),  # a block with its size
        ({"type": "map", "values": "long"}, "01060261020" + "0", {"a": 1}),
        ({"type": "string"}, "0261", "a"),
        (money(4, 2), "04270f", Decimal("99.99")),
        (money(4, 2), "04d8f1", Decimal("-99.99")),
        (money(4, 2), "0200", Decimal("0.00")),
        (money(4, 2), "0280", Decimal("-1.28")),  # as Java writes it
        (money(4, 2), "04ff80", Decimal("-1.28")),  # as fastavro writes it
        (money(4), "04270f", Decimal(9999)),
        (money(38, 10), "20" + "4b3b4ca85a86c47a098a223fffffffff", Decimal("9" * 28 + "." + "9" * 10)),
        (["null", money(9, 4)], "02043039", Decimal("1.2345")),
        (FIXED | {"logicalType": "decimal", "precision": 4, "scale": 2}, "ffffffff", Decimal("-0.01")),
        ({"type": "int", "logicalType": "date"}, "02", date(1970, 1, 2)),
        ({"type": "int", "logicalType": "time-millis"}, "feefb252", time(23, 59, 59, 999_000)),
        ({"type": "string", "logicalType": "uuid"}, "48" + str(UUID(int=7)).encode().hex(), UUID(int=7)),
        ({"type": "bytes", "logicalType": "of-tomorrow"}, "0200", b"\0"),
    ],
    ids=str,
)
def test_a_body_that_matches_its_schema_is_read(avro_type: Any, body: str, value: object) -> None:  # noqa: ANN401
    with localcontext(prec=2):  # the program's own context
        found = read(avro_type, body)
    assert (type(found), str(found)) == (type(value), str(value))


@pytest.mark.parametrize(
    "avro_type",
    [
        money(0),
        money(-1),
        money(4, 5),
        money(4, -1),
        money(1001),
        money(10**9),
        {"type": "bytes", "logicalType": "decimal"},
        money("4"),
        money(True),
        {"type": "array", "items": {"type": "null"}},
        {"type": {"type": "string"}},
        ["null", NAMESPACE + ".InterestPaid"],
        {"type": "array", "items": NAMESPACE + ".InterestPaid"},
        {"type": "record", "name": "R", "fields": [{"name": "a", "type": "R"}]},
        {"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "map", "values": ["null", "R"]}}]},
        {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]},
        {"type": "fixed", "name": "F", "size": -1},
        {"type": "fixed", "name": "F"},
        json.loads('{"type": "array", "items": ' * 40 + '"int"' + "}" * 40),
    ],
    ids=str,
)
def test_an_unsupported_type_is_refused_with_its_schema(avro_type: Any) -> None:  # noqa: ANN401
    """Fastavro recurses into a recursive record until the process crashes."""
    with pytest.raises(ForeignSchema, match="its field more_0"):
        read(avro_type, "00")
    with pytest.raises(ValueError, match="its field more_0"):
        parse(source(avro_type))


def test_a_field_within_a_record_is_named_by_its_path() -> None:
    inner: Json = {"type": "record", "name": "S", "fields": [{"name": "b", "type": "T"}]}
    with pytest.raises(ValueError, match=r"its field more_0\.a\.b has an unknown or recursive type"):
        parse(source({"type": "record", "name": "R", "fields": [{"name": "a", "type": inner}]}))


# --- every way of reading a body ---

GOOD = encode("BalanceWithdrawn", WITHDRAWN)
BRANCH = b"\x02\x06r-1"  # the branch of request_id, and its value
CURRENT = CONTRACT.working["BalanceWithdrawn"]
OLDER: Json = json.loads(json.dumps(CURRENT.source))
next(field for field in OLDER["fields"] if field["name"] == "sequence")["type"] = "int"
LATER: Json = json.loads(json.dumps(CURRENT.source))
LATER["fields"].append({"name": "fee", "type": money(4, 2)})
WAYS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "the codec": (lambda body: Codec(CONTRACT).decode(GOOD[:10] + body), b""),
    "typed": (lambda body: Decoder().decode(GOOD[:10] + body), b""),
    "a row of the lake": (lambda body: Rows(Decoder(), "2026-01-01").row(GOOD[:10] + body, None), b""),
    "Glue's framing": (lambda body: of_registry(dict(CURRENT.source)).decode(glue_framing.header(ID) + body), b""),
    "compressed": (
        lambda body: of_registry(dict(CURRENT.source)).decode(
            b"\x03\x05" + glue_framing.header(ID)[2:] + zlib.compress(body)
        ),
        b"",
    ),
    "resolved by fastavro": (lambda body: of_registry(OLDER).decode(glue_framing.header(ID) + body), b""),
    "a field is left out": (lambda body: of_registry(LATER).decode(glue_framing.header(ID) + body), b"\x02\x01"),
}


def of_registry(schema: Json) -> Decoder:
    return Decoder(Codec(CONTRACT, lambda _: json.dumps(schema)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("branch", ["01", "03", "04", "8202", "828080808080808080808000"])
def test_every_way_of_reading_refuses_an_invalid_branch(way: str, branch: str) -> None:
    decode, more = WAYS[way]
    body = GOOD[10:] + more
    assert decode(body)
    assert body.count(BRANCH) == 1
    with pytest.raises(CorruptBody, match="BalanceWithdrawn"):
        decode(body.replace(BRANCH, bytes.fromhex(branch) + BRANCH[1:]))
    with pytest.raises(CorruptBody, match="BalanceWithdrawn"):
        decode(body + b"\x00")


def test_amounts_that_are_left_out_are_checked() -> None:
    decode, _ = WAYS["a field is left out"]
    with pytest.raises(CorruptBody, match="fee has an invalid value: more digits"):
        decode(GOOD[10:] + bytes.fromhex("042710"))


def test_no_message_quotes_a_value() -> None:
    for avro_type, body in CORRUPT:
        with pytest.raises(CorruptBody) as caught:
            read(avro_type, body)
        assert not any(figure in str(caught.value) for figure in ("10000", "100.00", "12345678", "year"))


# --- arbitrary bodies ---


def has_two_encodings(money: Decimal) -> bool:
    """Whether an amount has two encodings, as -1.28 has: Java's is one byte shorter than fastavro's."""
    cents = int(money.scaleb(2))
    return cents < 0 and (~cents).bit_length() % 8 == 7 and (-cents).bit_length() % 8 == 0


@given(events, st.data())
@settings(max_examples=300)
def test_a_changed_event_is_read_only_if_it_encodes_to_itself(fields: dict[str, Any], data: st.DataObject) -> None:
    event = bytearray(encode("BalanceCredited", fields))
    for _ in range(data.draw(st.integers(1, 3))):
        event[data.draw(st.integers(10, len(event) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 1))
    changed = bytes(event[: len(event) - cut])
    try:
        found = Codec(CONTRACT).decode(changed)
    except Undecodable as error:
        assert isinstance(error, CorruptBody)  # noqa: PT017 -- some changed bodies are valid
        return
    again = encode("BalanceCredited", found.fields)
    if any(has_two_encodings(found.fields[field]) for field in ("amount", "balance")):
        assert Codec(CONTRACT).decode(again) == found
    else:
        assert again == changed


PLAIN = ["null", "boolean", "int", "long", "string", "bytes", "float", "double"]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    "bytes": st.binary(max_size=200),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
}


@st.composite
def typed_values(draw: st.DrawFn, depth: int = 2) -> tuple[Any, Any]:
    """A type, and a value of this type."""
    kind = draw(st.sampled_from([*PLAIN, *(["array", "map", "record", "optional"] if depth else [])]))
    if kind in VALUES:
        return kind, draw(VALUES[kind])
    inner, value = draw(typed_values(depth=depth - 1))
    match kind:
        case "array":
            inner = "int" if inner == "null" or (isinstance(inner, dict) and inner["type"] == "record") else inner
            value = 7 if inner == "int" else value
            return {"type": "array", "items": inner}, [value] * draw(st.integers(0, 3))
        case "map":
            return {"type": "map", "values": inner}, {str(key): value for key in range(draw(st.integers(0, 3)))}
        case "record":
            name = f"R{draw(st.uuids()).int}"
            return {"type": "record", "name": name, "fields": [{"name": "a", "type": inner}]}, {"a": value}
    if inner == "null" or isinstance(inner, list):
        return inner, value
    return ["null", inner], draw(st.none() | st.just(value))


@given(st.lists(typed_values(), min_size=1, max_size=4), st.data())
@settings(max_examples=300)
def test_bodies_are_read_exactly_and_only_as_fastavro_writes_them(
    found: list[tuple[Any, Any]], data: st.DataObject
) -> None:
    schema = parse(source(*(avro_type for avro_type, _ in found)))
    more = {f"more_{number}": value for number, (_, value) in enumerate(found)}
    codec = Codec(CONTRACT, lambda _: json.dumps(schema.source))
    body = written(schema.parsed, {name: WITHDRAWN[name] for name in COMMON_FIELDS} | more)
    assert (
        codec.decode(glue_framing.header(ID) + body).fields == {name: WITHDRAWN[name] for name in COMMON_FIELDS} | more
    )
    changed = bytearray(body)
    changed[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        event = codec.decode(glue_framing.header(ID) + bytes(changed))
    except Undecodable as error:
        assert isinstance(error, CorruptBody)  # noqa: PT017 -- some changed bodies are valid
        return
    has_blocks = any(
        kind in json.dumps(avro_type) for avro_type, _ in found for kind in ("array", "map", "float", "double")
    )
    if not has_blocks:  # an array has several encodings, and so has NaN
        assert written(schema.parsed, event.fields) == changed


def written(schema: Any, fields: Any) -> bytes:  # noqa: ANN401 -- fastavro's
    out = BytesIO()
    fastavro.schemaless_writer(out, schema, fields)
    return out.getvalue()
