"""The shipped queries as Athena's named queries in template.yaml. Pure.

CloudFormation cannot read a query's text from a file, so `make template` copies it into the template.
"""

import json
from collections.abc import Iterable
from textwrap import indent

from ops.lake.query.catalog import Query

VIEW_NAME = "events_view"
VIEW_DESCRIPTION = (
    "Creates the view `events`, which has every event once and which the other queries read. Run it before the others, "
    "or run `account-events lake tables`."
)
HISTORY_NAME = "account_history_view"
HISTORY_DESCRIPTION = (
    "Creates the view `account_history` over all events, without `account_months`. It is right, but queries about one "
    "account read all days. `account-events lake tables` creates the view that reads compacted months."
)


def resources(view: str, history: str, queries: Iterable[Query]) -> str:
    """An AWS::Athena::NamedQuery for each statement that creates a view, and one for each query."""
    views = [(VIEW_NAME, VIEW_DESCRIPTION, view), (HISTORY_NAME, HISTORY_DESCRIPTION, history)]
    shipped = [(query.name, query.description, query.sql) for query in queries]
    return "".join(_resource(*each) for each in [*views, *shipped])


def _resource(name: str, description: str, sql: str) -> str:
    return (
        f"  {logical_id(name)}:\n"
        "    Type: AWS::Athena::NamedQuery\n"
        "    Condition: OnAws\n"
        "    Properties:\n"
        f"      Name: {name}\n"
        f"      Description: {json.dumps(description)}\n"
        "      WorkGroup: !Ref LakeWorkgroup\n"
        "      Database: !Ref LakeDatabase\n"
        f"      QueryString: |\n{indent(sql, ' ' * 8)}"
    )


def logical_id(name: str) -> str:
    """The logical id of a query's resource."""
    return "LakeQuery" + "".join(word.capitalize() for word in name.split("_"))
