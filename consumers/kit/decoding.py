"""From a Kinesis record's data to typed events: undo the aggregation, then read each with its writer's schema."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from consumers.kit.aggregates import unpack
from consumers.kit.errors import UnknownEvent
from consumers.kit.events import EVENTS, Event
from schemas.codec import CONTRACT, Codec
from schemas.contract import Contract, Schema
from schemas.reader import Reader


class Decoder:
    """Reads events in this release's words, whichever published version they were written with.

    A field that was added since an event was written has its default; one that a later writer added is left out.

    Args:
        codec: finds the writer's schema; by default, only the published ones that this release holds.
        contract: the schemas to read as: the working ones.
        events: the classes to make, by the schemas' names. Each has the fields of its schema.

    Raises:
        TypeError: a class and its schema differ in a field.
    """

    def __init__(
        self, codec: Codec | None = None, contract: Contract = CONTRACT, events: Mapping[str, type[Any]] = EVENTS
    ) -> None:
        self._codec = codec or Codec(contract)
        self._contract = contract
        self._events = events
        self._plans: dict[Schema, tuple[Reader, type[Any]]] = {}
        for name, kind in events.items():
            if odd := {field.name for field in fields(kind)} ^ contract.working[name].field_types.keys():
                raise TypeError(f"{kind.__name__} and the schema {name} differ in {', '.join(sorted(odd))}.")

    def decode(self, data: bytes) -> Event:
        """The event in one (de-aggregated) record's data.

        Raises:
            schemas.errors.Undecodable: it cannot be read, and the error's kind says why and what to do. Set it aside,
                never skip it.
        """
        schema, encoded, start = self._codec.opened(data)
        plan = self._plans.get(schema)
        if plan is None:
            kind, working = self._events.get(schema.name), self._contract.working.get(schema.name)
            if kind is None or working is None:
                raise UnknownEvent(schema.name)
            plan = self._plans[schema] = Reader(schema, working), kind
        reader, kind = plan
        # The class was compared with the schema, so the record's fields are its attributes: its own __init__ would
        # set them one by one, in the time of half the decoding.
        event: Event = object.__new__(kind)
        object.__setattr__(event, "__dict__", reader.read(encoded, start))
        return event

    def events(self, data: bytes) -> list[Event]:
        """All events in a Kinesis record's data, in order, aggregated or not; all of them or none.

        Raises:
            schemas.errors.Undecodable: see `decode`; and CorruptAggregate.
        """
        return [self.decode(each) for each in unpack(data)]
