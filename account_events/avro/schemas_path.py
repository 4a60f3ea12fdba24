"""The folder of the `.avsc` files: in the installed package, or next to it in the repository and in function zips."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
SCHEMAS = next(folder for folder in (_PACKAGE / "schemas", _PACKAGE.parent / "schemas") if folder.is_dir())
"""`<Name>.avsc` are the current schemas, `history/<Name>/<version>.avsc` the published ones.

Resolved by path: `importlib.resources` would find the stale copy that an editable install leaves behind.
"""
