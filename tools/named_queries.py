"""The shipped queries as Athena's named queries in template.yaml: `python -m tools.named_queries` writes them there.

CloudFormation takes no text from a file, so that they stand in the template once more.
"""

import json
from pathlib import Path
from textwrap import indent

from ops.lake.query.catalog import queries
from ops.lake.query.duckdb_engine import EVENTS_VIEW

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
BEGIN = (
    "  # The queries of consumers/lake/queries, and the view they ask, made from the files by `make named-queries`.\n"
)
END = "  # End of what `make named-queries` makes.\n"
VIEW_NAME = "events_view"
VIEW_PROMISE = (
    "Makes the view of every event once, which the other queries ask. Run it first, or `account-events lake tables`."
)


def resources() -> str:
    """What has to stand in the template between BEGIN and END."""
    shipped = [(query.name, query.promise, query.sql) for query in queries().values()]
    return "".join(_resource(*each) for each in [(VIEW_NAME, VIEW_PROMISE, EVENTS_VIEW), *shipped])


def replaced(template: str) -> str:
    """The template with the queries as the files have them now.

    Raises:
        ValueError: it has no place for them.
    """
    before, begin, rest = template.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"template.yaml has to have the lines {BEGIN.strip()!r} and {END.strip()!r}.")
    return before + begin + resources() + end + after


def _resource(name: str, promise: str, sql: str) -> str:
    return (
        f"  {logical_id(name)}:\n"
        "    Type: AWS::Athena::NamedQuery\n"
        "    Condition: OnAws\n"
        "    Properties:\n"
        f"      Name: {name}\n"
        f"      Description: {json.dumps(promise)}\n"
        "      WorkGroup: !Ref LakeWorkgroup\n"
        "      Database: !Ref LakeDatabase\n"
        f"      QueryString: |\n{indent(sql, ' ' * 8)}"
    )


def logical_id(name: str) -> str:
    """Of a query's resource."""
    return "LakeQuery" + "".join(word.capitalize() for word in name.split("_"))


if __name__ == "__main__":
    TEMPLATE.write_text(replaced(TEMPLATE.read_text(encoding="utf-8")), encoding="utf-8")
