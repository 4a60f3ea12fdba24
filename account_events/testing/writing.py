"""Encodes domain events, optionally like a later release of the account service: newer schemas, new event types."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from account_events.avro import glue_framing
from account_events.avro.codec import CONTRACT
from account_events.avro.contract import COMMON_FIELDS, NAMESPACE, Contract, Schema, parse
from account_events.avro.encoder import ENCODERS, Encoder
from account_events.consumer.events import Event, OtherEvent
from account_events.testing.errors import BadReplay

ADDED_FIELD = "added_later"
ADDED_VALUE = "from a later release"
LATER_TYPE = "LaterEvent"
FRAMINGS = ("single-object", "glue")
_OPTIONAL_STRING: Any = ["null", "string"]
_LATER_SCHEMA = {
    "type": "record",
    "name": LATER_TYPE,
    "namespace": NAMESPACE,
    "fields": [
        *({"name": name, "type": avro_type} for name, avro_type in COMMON_FIELDS.items()),
        {"name": "request_id", "type": _OPTIONAL_STRING, "default": None},
        {"name": "detail", "type": "string"},
    ],
}


def newer_schema(name: str, field: str = ADDED_FIELD) -> dict[str, Any]:
    """An event's current schema with one more field, as a later release may publish it: optional, null by default.

    Args:
        name: "AccountCreated", "BalanceCredited" or "BalanceWithdrawn".
        field: the name of the new field.

    Raises:
        BadReplay: there is no such event, or it already has the field.
    """
    if name not in CONTRACT.working:
        raise BadReplay(f"there is no event {name!r}; use one of {', '.join(CONTRACT.working)}")
    source: dict[str, Any] = json.loads(json.dumps(CONTRACT.working[name].source))
    if field in CONTRACT.working[name].field_types:
        raise BadReplay(f"{name} already has a field {field!r}")
    source["fields"].append({"name": field, "type": _OPTIONAL_STRING, "default": None})
    return source


def of_a_later_type(event: Event) -> OtherEvent:
    """An event of the same account and sequence, but of a type that this release does not know."""
    fields = {name: getattr(event, name) for name in (*COMMON_FIELDS, "request_id")}
    return OtherEvent(**fields, name=LATER_TYPE, fields={**fields, "detail": ADDED_VALUE})


class EventWriter:
    """Encodes events like the projector of this release, or of a later one.

    Args:
        framing: "single-object", with the schema's fingerprint before each event, or "glue", with the id of the
            schema's version in the Glue Schema Registry.
        schemas: newer schemas to write with (see `newer_schema`). The fields that they add get a value.

    Attributes:
        contract: the later release's schemas. `Decoder(Codec(writer.contract))` decodes like an upgraded consumer.
        registry: the content of the Glue Schema Registry, by version id. `Decoder(Codec(CONTRACT,
            writer.registry.get))` decodes like a consumer that uses the registry.

    Raises:
        BadReplay: there is no such framing.
    """

    def __init__(
        self, framing: Literal["single-object", "glue"] = "single-object", *, schemas: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        if framing not in FRAMINGS:
            raise BadReplay(f"there is no framing {framing!r}; use one of {', '.join(FRAMINGS)}")
        later = [parse(json.dumps(source)) for source in (*schemas, _LATER_SCHEMA)]
        known = {**CONTRACT.known, **{schema.fingerprint: schema for schema in later}}
        self.contract = Contract(CONTRACT.working, known)
        self.registry = {_version_id(schema): json.dumps(schema.source) for schema in known.values()}
        encoders = {**ENCODERS, **{schema.name: Encoder(schema.source, schema.fingerprint) for schema in later}}
        if framing == "glue":
            encoders = {
                name: encoder.with_header(glue_framing.header(_version_id(known[encoder.fingerprint])))
                for name, encoder in encoders.items()
            }
        self._encoders = encoders

    def encode(self, event: Event) -> bytes:
        """Encode an event. The same event always gives the same bytes.

        Raises:
            BadReplay: the event is an OtherEvent that `of_a_later_type` did not make.
            account_events.avro.errors.InvalidEvent: a field has an invalid value.
        """
        if isinstance(event, OtherEvent):
            if event.name != LATER_TYPE:
                raise BadReplay(f"there is no schema for {event.name}: make the event with of_a_later_type")
            return self._encoders[LATER_TYPE].encode(event.fields)
        encoder = self._encoders[type(event).__name__]
        fields = vars(event)
        return encoder.encode({**fields, **{name: ADDED_VALUE for name in encoder.fields if name not in fields}})


def _version_id(schema: Schema) -> str:
    """A version id like those of Glue, but the same in every run."""
    digest = hashlib.md5(schema.fingerprint, usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"
