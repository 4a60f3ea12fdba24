"""Views as Athena keeps them in the Glue Data Catalog: Trino's formatter (SqlFormatter.java) writes their SELECTs."""

import base64
import json

from sqlglot import exp, parse_one


def stored(select: str) -> str:
    """The `ViewOriginalText` of a view."""
    document = {"originalSql": as_trino_writes(select), "catalog": "awsdatacatalog", "schema": "lake", "columns": []}
    return f"/* Presto View: {base64.b64encode(json.dumps(document).encode()).decode()} */"


def as_trino_writes(select: str) -> str:
    """The SELECT, with parentheses around each condition and CASE, with ASC, and with `concat` for `||`."""

    def written(node: exp.Expr) -> exp.Expr:
        for child in list(node.iter_expressions()):
            child.replace(written(child))
        node.comments = None
        match node:
            case exp.Identifier(name="copy" | "sequence"):
                return exp.to_identifier(node.name, quoted=True)
            case exp.DPipe():
                return exp.Anonymous(this="concat", expressions=[node.left, node.right])
            case exp.Ordered():
                node.set("desc", False)
            case exp.Binary() | exp.In() | exp.Not() | exp.Case():
                return exp.Paren(this=node)
        return node

    return written(parse_one(select, read="athena")).sql(dialect="athena", pretty=True)
