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


def resources(view: str, queries: Iterable[Query]) -> str:
    """An AWS::Athena::NamedQuery for the statement that creates the view, and one for each query."""
    shipped = [(query.name, query.promise, query.sql) for query in queries]
    return "".join(_resource(*each) for each in [(VIEW_NAME, VIEW_DESCRIPTION, view), *shipped])


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
