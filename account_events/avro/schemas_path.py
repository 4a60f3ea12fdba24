"""Where the `.avsc` files are: inside the installed package, or beside it in the repository and in functions' zips."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
SCHEMAS = next(folder for folder in (_PACKAGE / "schemas", _PACKAGE.parent / "schemas") if folder.is_dir())
"""`<Name>.avsc` are the working schemas, `history/<Name>/<version>.avsc` the published ones.

Looked up by path: `importlib.resources` would find the stale copy that an editable install leaves behind.
"""
