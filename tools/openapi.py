"""Writes the API's OpenAPI document: `python -m tools.openapi` writes docs/openapi.json."""

from pathlib import Path

from account_core.api.openapi.document import text

DOCUMENT = Path(__file__).parents[1] / "docs" / "openapi.json"

if __name__ == "__main__":
    DOCUMENT.write_text(text(), encoding="utf-8")
