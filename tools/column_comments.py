"""The columns' comments, made of the docs in the schemas. For template.yaml and docs, never at run time. Pure."""

from collections.abc import Mapping

from account_events.avro.contract import Contract
from consumers.lake.table import EVENT_TYPES, Column

LENGTH_MAX = 255
"""Of a comment in the Glue Data Catalog."""


def comment(column: Column, contract: Contract) -> str:
    """What a column means: its field's doc in the working schemas, and in which events it is, if not in all.

    Raises:
        LookupError: it is no event's field and has no words of its own.
    """
    if column.added:
        return column.added
    docs: dict[str, list[str]] = {}
    for name in EVENT_TYPES:
        for field in contract.working[name].source["fields"]:
            if field["name"] == column.name:
                docs.setdefault(field["doc"], []).append(name)
    if not docs:
        raise LookupError(f"{column.name} is in no schema: say in consumers/lake/table.py what it means.")
    return " ".join(_said(docs))


def _said(docs: Mapping[str, list[str]]) -> list[str]:
    if len(docs) == 1 and len(*docs.values()) == len(EVENT_TYPES):
        return list(docs)
    return [f"{', '.join(names)}: {doc}" for doc, names in docs.items()]
