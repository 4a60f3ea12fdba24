"""Decodes a Kinesis record into typed events: unpacks the aggregate, then reads each event with its writer's schema."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import CONTRACT, VERSIONS_MAX, Codec
from account_events.avro.contract import COMMON_FIELDS, Contract, Schema
from account_events.avro.errors import CorruptBody, IncompatibleSchema
from account_events.avro.reader import Reader
from account_events.consumer.events import EVENTS, Event, OtherEvent

ACCOUNT_ID_LENGTH_MAX = 256
"""The maximum length of a Kinesis partition key. No event with a longer id is published."""
REQUEST_ID, REQUEST_ID_TYPE = "request_id", ["null", "string"]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to read the events of one writer's schema, and the class of the result."""

    reader: Reader
    kind: type[Any]


class Decoder:
    """Decodes events of any published schema version into this release's classes.

    A field that is newer than the event has its default value. A field that is newer than this release is left out.

    Args:
        codec: finds the writer's schema. The default knows the schemas published with this release.
        contract: the schemas whose fields the decoded events have.
        events: the class for each schema name: a dataclass without slots whose fields are those of the schema.

    Raises:
        TypeError: a class is not such a dataclass, or its fields differ from those of its schema.
    """

    def __init__(
        self, codec: Codec | None = None, contract: Contract = CONTRACT, events: Mapping[str, type[Any]] = EVENTS
    ) -> None:
        self._codec = codec or Codec(contract)
        self._contract = contract
        self._events = events
        self._plans: dict[Schema, _Plan] = {}
        for name, kind in events.items():
            if not is_dataclass(kind) or "__slots__" in vars(kind) or name not in contract.working:
                raise TypeError(f"{kind.__name__} must be a dataclass without slots, for an event of the contract.")
            if differing := {field.name for field in fields(kind)} ^ contract.working[name].field_types.keys():
                raise TypeError(f"{kind.__name__} and the schema {name} differ in {', '.join(sorted(differing))}.")

    def decode(self, data: bytes) -> Event:
        """Decode the event in the data of one user record (already unpacked from its aggregate).

        Raises:
            account_events.avro.errors.Undecodable: the data cannot be decoded. The subclass shows why and what to do.
                Store the record and have its accounts replayed; never skip it.
            account_events.consumer.glue_registry.RegistryError: the codec's registry could not be read. Decode the
                record again later.
        """
        schema, encoded, start = self._codec.opened(data)
        plan = self._plans.get(schema) or self._plan(schema)
        values = _checked(plan.reader.read(encoded, start), schema)
        if plan.kind is OtherEvent:
            values = _other(schema, values)
        # The decoder's __init__ has compared the class with the schema, so the record's fields are the class's
        # attributes. The dataclass's own __init__ would set them one by one and make decoding about 15% slower.
        event: Event = object.__new__(plan.kind)
        object.__setattr__(event, "__dict__", values)
        return event

    def primitives(self, data: bytes) -> tuple[Schema, Reader, dict[str, Any]]:
        """The writer's schema, its reader, and the event's fields as `Reader.primitives` returns them.

        Faster than `decode` if you only convert events to text. You must check the ranges of amounts and times.

        Raises:
            account_events.avro.errors.Undecodable: see `decode`.
        """
        schema, encoded, start = self._codec.opened(data)
        reader = (self._plans.get(schema) or self._plan(schema)).reader
        return schema, reader, _checked(reader.primitives(encoded, start), schema)

    def _plan(self, schema: Schema) -> "_Plan":
        kind, working = self._events.get(schema.name), self._contract.working.get(schema.name)
        if kind is not None:
            plan = _Plan(Reader(schema, working), kind)
        elif differing := [name for name, type_ in COMMON_FIELDS.items() if schema.field_types.get(name) != type_]:
            raise IncompatibleSchema(
                schema.name, f"fields that every event must have are missing or differ: {', '.join(differing)}"
            )
        else:
            plan = _Plan(Reader(schema), OtherEvent)
        if len(self._plans) < VERSIONS_MAX:
            self._plans[schema] = plan
        return plan

    def events(self, data: bytes) -> list[Event]:
        """Decode all events in the data of a Kinesis record, aggregated or not, in order.

        Raises:
            account_events.avro.errors.Undecodable: see `decode`; CorruptAggregate if the aggregate is damaged.
        """
        return [self.decode(each) for each in unpack(data)]


def _checked(values: dict[str, Any], schema: Schema) -> dict[str, Any]:
    if values["sequence"] < 1:
        raise CorruptBody(f"{schema.name}.sequence is below 1: sequences begin with 1.")
    if not 0 < len(values["account_id"]) <= ACCOUNT_ID_LENGTH_MAX:
        raise CorruptBody(f"{schema.name}.account_id must have 1 to {ACCOUNT_ID_LENGTH_MAX} characters.")
    return values


def _other(schema: Schema, values: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of an OtherEvent. `request_id` is not a common field: older schemas do not have it."""
    has_request_id = schema.field_types.get(REQUEST_ID) == REQUEST_ID_TYPE
    return {
        **{name: values[name] for name in COMMON_FIELDS},
        REQUEST_ID: values[REQUEST_ID] if has_request_id else None,
        "name": schema.name,
        "fields": values,
    }
