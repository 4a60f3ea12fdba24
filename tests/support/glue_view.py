"""The view `account_history` in a Glue catalog: as Athena stores it, and a fake of the catalog over a lake."""

import base64
import json
from typing import TYPE_CHECKING, Any

import sqlglot
from botocore.exceptions import ClientError

from ops.lake.query.history import COLUMNS, HISTORY_VIEW, NAME
from ops.lake.query.history_view import StoredView
from tests.support.compacted_lake import CompactedLake

if TYPE_CHECKING:
    from collections.abc import Callable

DATABASE = "lake"
CREATED = f"CREATE OR REPLACE VIEW {NAME} AS\n"


def formatted(select: str) -> str:
    """The SELECT in other words with the same literals, as Athena formats it: `NOT (dt IN (...))`, no comments."""
    return sqlglot.transpile(select, read="athena", write="athena", pretty=True, comments=False)[0]


def stored_view(statement: str = HISTORY_VIEW) -> dict[str, Any]:
    """The input of CreateTable for the view that a statement creates, in Athena's form."""
    definition = {
        "originalSql": formatted(statement.partition(CREATED)[2]),
        "catalog": "awsdatacatalog",
        "schema": DATABASE,
        "columns": [{"name": name, "type": "varchar"} for name in COLUMNS],
        "runAsInvoker": False,
    }
    return {
        "Name": NAME,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "Retention": 0,
        "StorageDescriptor": {"Columns": [{"Name": name, "Type": "string"} for name in COLUMNS]},
        "ViewOriginalText": f"/* Presto View: {base64.b64encode(json.dumps(definition).encode()).decode()} */",
        "ViewExpandedText": "/* Presto View */",
    }


class Changed(ClientError):
    """As the client's `exceptions.ConcurrentModificationException`."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ConcurrentModificationException", "Message": ""}}, "UpdateTable")


class Missing(ClientError):
    """As the client's `exceptions.EntityNotFoundException`."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "EntityNotFoundException", "Message": ""}}, "GetTable")


class FakeGlue:
    """The catalog of a compacted lake, in which Athena has created `lake.view`.

    Attributes:
        before: called before each call, with its name.
        updates: the inputs of UpdateTable that were accepted.
        is_there: whether the view exists.
    """

    class exceptions:  # noqa: N801 -- botocore's name
        ConcurrentModificationException = Changed
        EntityNotFoundException = Missing

    def __init__(self, lake: CompactedLake) -> None:
        self._lake = lake
        self.before: Callable[[str], object] = lambda _call: None
        self.updates: list[dict[str, Any]] = []
        self.is_there = True

    def get_table(self, *, DatabaseName: str, Name: str) -> dict[str, Any]:  # noqa: N803 -- botocore's names
        self.before("get_table")
        assert (DatabaseName, Name) == (DATABASE, NAME)
        if not self.is_there:
            raise Missing
        # With some of the fields that UpdateTable does not accept.
        read_only = {
            "DatabaseName": DATABASE,
            "Owner": "",
            "CreatedBy": "arn",
            "CatalogId": "1",
            "IsMultiDialectView": False,
        }
        return {"Table": {**stored_view(self._lake.view), **read_only, "VersionId": str(self._lake.view_version)}}

    def update_table(self, *, DatabaseName: str, TableInput: dict[str, Any], VersionId: str) -> None:  # noqa: N803
        self.before("update_table")
        assert DatabaseName == DATABASE
        if not self.is_there:
            raise Missing
        if VersionId != str(self._lake.view_version):
            raise Changed
        assert TableInput.keys() == stored_view().keys()
        self.updates.append(TableInput)
        select = StoredView.of({**TableInput, "VersionId": ""}).select
        self._lake.view, self._lake.view_version = CREATED + select, self._lake.view_version + 1
