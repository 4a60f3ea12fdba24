"""The view `account_history` as the Glue catalog stores it, so that its text can be replaced without a query in Athena.

Athena stores a view in the form of Trino (io.trino.plugin.hive.ViewReaderUtil): JSON in base64, with the SELECT, which
Athena has formatted, and with the names and types of the columns. AWS does not document the form. Therefore only the
SELECT of a view is replaced that Athena has created, and a view in another form is refused.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local_stack.errors import CommandError
from ops.lake.query.history import COLUMNS, NAME
from ops.lake.query.stored_view import definition_in

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

_LITERAL = re.compile(r"'(?:[^']|'')*'")
_INPUT = (
    *("Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText"),
    *("ViewExpandedText", "TableType", "Parameters"),
)
"""What GetTable returns and UpdateTable accepts."""


class OtherView(CommandError):
    """The catalog's `account_history` is not the view of this release."""


@dataclass(frozen=True, slots=True)
class StoredView:
    """The view at a moment.

    Attributes:
        select: the view's SELECT, as Athena has formatted it.
        version: changes with every change of the table.
        definition: the JSON of its text.
        table: the catalog's table, as GetTable returns it.
    """

    select: str
    version: str
    definition: Mapping[str, Any]
    table: Mapping[str, Any]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "StoredView":
        """Reads the catalog's table.

        Raises:
            OtherView: it is no view, or one in another form.
        """
        definition = definition_in(found.get("ViewOriginalText", ""))
        if definition is None:
            raise OtherView(
                f"{NAME} in the Glue catalog is not a view in the form in which Athena stores one. Drop it, and run "
                "`account-events lake tables`."
            )
        return cls(str(definition["originalSql"]), found["VersionId"], definition, found)

    def reads_as(self, select: str) -> bool:
        """Whether the view reads each day from the same table as another SELECT does.

        Athena formats the text, but keeps its literals in their order: the days, months and compactions.
        """
        return _LITERAL.findall(self.select) == _LITERAL.findall(select)

    def with_select(self, select: str) -> dict[str, Any]:
        """The input of UpdateTable that replaces the view's SELECT, and nothing else.

        Raises:
            OtherView: the view has other columns than this release, so they would not be those of the SELECT.
        """
        if [column["name"] for column in self.definition.get("columns", [])] != [*COLUMNS]:
            raise OtherView(
                f"The view {NAME} in the Glue catalog does not have the columns of this release. Run "
                "`account-events lake tables`, which creates it again."
            )
        text = base64.b64encode(json.dumps({**self.definition, "originalSql": select}).encode()).decode()
        # Glue returns a field that was not given as an empty text, which it does not accept.
        kept = {name: self.table[name] for name in _INPUT if self.table.get(name, "") != ""}
        return {**kept, "ViewOriginalText": f"/* Presto View: {text} */"}


class HistoryView:
    """The view of one lake.

    Args:
        glue: a client.
        database: the lake's database.
    """

    def __init__(self, glue: "GlueClient", database: str) -> None:
        self._glue, self._database = glue, database

    def read(self) -> StoredView | None:
        """The view as it is now; None if there is none.

        Raises:
            OtherView: it is no view, or one in another form.
        """
        try:
            return StoredView.of(self._glue.get_table(DatabaseName=self._database, Name=NAME)["Table"])
        except self._glue.exceptions.EntityNotFoundException:
            return None

    def replace(self, view: StoredView, select: str) -> bool:
        """Replace the view's SELECT; return False, and change nothing, if somebody has changed the view since.

        Raises:
            OtherView: see `StoredView.with_select`.
        """
        table: Any = view.with_select(select)
        try:
            self._glue.update_table(DatabaseName=self._database, TableInput=table, VersionId=view.version)
        except (
            self._glue.exceptions.ConcurrentModificationException,
            self._glue.exceptions.EntityNotFoundException,
        ):
            return False
        return True
