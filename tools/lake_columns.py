"""The lake's columns as text: for the Glue table in template.yaml, the view `tables/events.sql` and docs/lake.md. Pure.

The comment of a column is the doc of its field in the working schemas, or the comment in added_columns.py.
"""

import json
from collections.abc import Iterable, Mapping

from account_events.avro.contract import Contract
from consumers.lake.added_columns import PARTITION_KEYS, Column
from consumers.lake.table import COLUMNS, EVENT_TYPES

LENGTH_MAX = 255
"""The maximum length of a comment in the Glue Data Catalog."""


def comment(column: Column, contract: Contract) -> str:
    """What a column means. If only some events have the field, the comment names them.

    Raises:
        LookupError: no event has the field, and the column has no comment in consumers/lake/added_columns.py.
    """
    if column.added:
        return column.added
    docs: dict[str, list[str]] = {}
    for name in EVENT_TYPES:
        for field in contract.working[name].source["fields"]:
            if field["name"] == column.name:
                docs.setdefault(field["doc"], []).append(name)
    if not docs:
        raise LookupError(f"{column.name} is in no schema: describe the column in consumers/lake/added_columns.py.")
    return " ".join(_docs_with_events(docs))


def _docs_with_events(docs: Mapping[str, list[str]]) -> list[str]:
    if len(docs) == 1 and len(*docs.values()) == len(EVENT_TYPES):
        return list(docs)
    return [f"{', '.join(names)}: {doc}" for doc, names in docs.items()]


def glue_columns(contract: Contract, columns: Iterable[Column] = COLUMNS) -> str:
    """The items of the Glue table's `Columns`."""
    return "".join(
        f"            - Name: {column.name}\n"
        f"              Type: {_yaml(column.glue_type)}\n"
        f"              Comment: {json.dumps(comment(column, contract), ensure_ascii=False)}\n"
        for column in columns
    )


def _yaml(glue_type: str) -> str:
    return glue_type if glue_type.isalnum() else json.dumps(glue_type)


def view_columns() -> str:
    """The columns that the view `events` selects."""
    return ",\n".join(f"  {column.name}" for column in (*COLUMNS, *PARTITION_KEYS)) + "\n"


def history_columns() -> str:
    """The columns that the view `account_history` selects first."""
    return "".join(f"  {column.name},\n" for column in (*COLUMNS, *PARTITION_KEYS))


def document_rows(contract: Contract) -> str:
    """The rows of the table of columns in docs/lake.md."""
    return "".join(
        f"| `{column.name}` | {column.glue_type} | {comment(column, contract)} |\n"
        for column in (*COLUMNS, *PARTITION_KEYS)
    )
