"""What the Glue Data Catalog has stored of a view of Athena, and whether it is the view that we would create. Pure.

Athena stores a view as Trino does (io.trino.plugin.hive.ViewReaderUtil): a Base64 document in a comment, whose
`originalSql` is the SELECT. Trino's formatter has written it, so its text is not ours: it adds parentheses and ASC,
leaves out AS, and writes `||` as `concat`. Therefore two SELECTs are compared as syntax trees.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

_VIEW = re.compile(r"\s*/\* Presto View: ([A-Za-z0-9+/=\s]*) \*/\s*")


def definition_in(view_original_text: str) -> Mapping[str, Any] | None:
    """The document in a table's `ViewOriginalText`, whose `originalSql` is a text; None if it is no view of Athena."""
    found = _VIEW.fullmatch(view_original_text)
    try:
        definition = json.loads(base64.b64decode(found[1])) if found else None
    except (binascii.Error, ValueError):
        return None
    has_select = isinstance(definition, dict) and isinstance(definition.get("originalSql"), str)
    return definition if has_select else None


def select_in(view_original_text: str) -> str | None:
    """The SELECT in a table's `ViewOriginalText`; None if it is no view of Athena."""
    definition = definition_in(view_original_text)
    return None if definition is None else str(definition["originalSql"])


def is_same(one: str, other: str) -> bool:
    """Whether two SELECTs in Athena's dialect are the same, however they are written."""
    from sqlglot.errors import SqlglotError  # noqa: PLC0415 -- as in `in_duckdb`

    try:
        return bool(_tree(one) == _tree(other))
    except SqlglotError:
        return False


def _tree(sql: str) -> "Expr":
    import sqlglot  # noqa: PLC0415 -- as above

    return _plain(sqlglot.parse_one(sql, read="athena"))


def _plain(node: "Expr") -> "Expr":
    """The node, which is changed, without what does not change the meaning."""
    from sqlglot import exp  # noqa: PLC0415 -- as above

    for child in list(node.iter_expressions()):
        child.replace(_plain(child))
    plain = node
    match node:
        case exp.Paren():
            plain = node.this
        case exp.Identifier():
            plain = exp.Identifier(this=node.name.lower(), quoted=False)
        case exp.Table():
            node.set("alias", None)
        case exp.Ordered(args={"nulls_first": nulls_first}):
            plain = exp.Ordered(this=node.this, desc=bool(node.args.get("desc")), nulls_first=nulls_first)
        case exp.DPipe(left=left, right=right):
            plain = exp.Concat(expressions=[left, right])
        case exp.Concat():
            plain = exp.Concat(expressions=node.expressions)
    return plain
