"""Requests that the documents show are requests of the API: each method and path is in the OpenAPI document."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
REQUEST = re.compile(r"\b(GET|POST|HEAD|OPTIONS) (/[\w{}./-]*)")
PATHS = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]


def is_in_api(method: str, path: str) -> bool:
    """Whether a path of the API matches this one, where a parameter matches any text."""
    templates = (re.sub(r"\{\w+\}", "[^/]+", template) for template in PATHS if method.lower() in PATHS[template])
    return any(re.fullmatch(template, path) for template in templates)


def unknown(text: str) -> list[str]:
    return [f"{method} {path}" for method, path in REQUEST.findall(text) if not is_in_api(method, path)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_request_in_the_documents_is_in_the_api(document: Path) -> None:
    assert unknown(document.read_text()) == []


def test_a_wrong_path_or_method_is_found() -> None:
    text = "POST /accounts/a-1/withdrawals and `GET /accounts/a-1/withdraw`, but POST /accounts/a-1/withdraw?x=1"
    assert unknown(text) == ["POST /accounts/a-1/withdrawals", "GET /accounts/a-1/withdraw"]
