"""From a Kinesis record's data to typed events: undo the aggregation, then read each with its writer's schema."""

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
"""As many as a partition key of Kinesis has: no event with another id is published, and no table keeps all others."""
REQUEST_ID, REQUEST_ID_TYPE = "request_id", ["null", "string"]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How events of one writer's schema are read, and of which class they are."""

    reader: Reader
    kind: type[Any]


class Decoder:
    """Reads events in this release's words, whichever published version they were written with.

    A field that was added since an event was written has its default; one that a later writer added is left out.

    Args:
        codec: finds the writer's schema; by default, only the published ones that this release holds.
        contract: the schemas to read as: the working ones.
        events: the classes to make, by the schemas' names. Each has the fields of its schema.

    Raises:
        TypeError: a class is none, or its fields are not those of its schema.
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
                raise TypeError(f"{kind.__name__} has to be a dataclass without slots, for an event of the contract.")
            if odd := {field.name for field in fields(kind)} ^ contract.working[name].field_types.keys():
                raise TypeError(f"{kind.__name__} and the schema {name} differ in {', '.join(sorted(odd))}.")

    def decode(self, data: bytes) -> Event:
        """The event in one (de-aggregated) record's data.

        Raises:
            account_events.avro.errors.Undecodable: it cannot be read, and the error's kind says why and what to do.
                Set it aside, never skip it.
        """
        schema, encoded, start = self._codec.opened(data)
        plan = self._plans.get(schema) or self._plan(schema)
        values = _checked(plan.reader.read(encoded, start), schema)
        if plan.kind is OtherEvent:
            values = _other(schema, values)
        # The class was compared with the schema, so the record's fields are its attributes: its own __init__ would
        # set them one by one, in the time of half the decoding.
        event: Event = object.__new__(plan.kind)
        object.__setattr__(event, "__dict__", values)
        return event

    def primitives(self, data: bytes) -> tuple[Schema, Reader, dict[str, Any]]:
        """The writer's schema, its reader, and the event's fields as `Reader.primitives` has them.

        For who makes text of every event; money's and time's range is then for the caller to check.

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
        elif odd := [name for name, due in COMMON_FIELDS.items() if schema.field_types.get(name) != due]:
            raise IncompatibleSchema(schema.name, f"it has not, as every event has: {', '.join(odd)}")
        else:
            plan = _Plan(Reader(schema), OtherEvent)
        if len(self._plans) < VERSIONS_MAX:
            self._plans[schema] = plan
        return plan

    def events(self, data: bytes) -> list[Event]:
        """All events in a Kinesis record's data, in order, aggregated or not; all of them or none.

        Raises:
            account_events.avro.errors.Undecodable: see `decode`; and CorruptAggregate.
        """
        return [self.decode(each) for each in unpack(data)]


def _checked(values: dict[str, Any], schema: Schema) -> dict[str, Any]:
    if values["sequence"] < 1:
        raise CorruptBody(f"{schema.name}.sequence holds an impossible value: sequences begin with 1.")
    if not 0 < len(values["account_id"]) <= ACCOUNT_ID_LENGTH_MAX:
        raise CorruptBody(f"{schema.name}.account_id has not 1 to {ACCOUNT_ID_LENGTH_MAX} characters.")
    return values


def _other(schema: Schema, values: Mapping[str, Any]) -> dict[str, Any]:
    """An OtherEvent's attributes; its request id came later than what every event has."""
    has_request_id = schema.field_types.get(REQUEST_ID) == REQUEST_ID_TYPE
    return {
        **{name: values[name] for name in COMMON_FIELDS},
        REQUEST_ID: values[REQUEST_ID] if has_request_id else None,
        "name": schema.name,
        "fields": values,
    }
