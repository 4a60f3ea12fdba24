"""docs/openapi.json is up to date and correct."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st

from account_core.api import etags, requests
from account_core.api.openapi.document import document, text
from account_core.api.openapi.problem_responses import BY_OPERATION, OF_NO_OPERATION, UNREACHABLE
from account_core.api.problems import PROBLEMS
from account_core.api.routes import ROUTES
from account_core.domain.errors import InvalidRequest
from account_core.domain.money import MONEY_MAX
from tests.support.amounts import cents

DOCUMENT = document()
COMPONENTS = DOCUMENT["components"]


def _validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": COMPONENTS}, validate_formats=True)


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    found: Any = DOCUMENT if "$ref" in part else part
    for name in part.get("$ref", "").split("/")[1:]:
        found = found[name]
    return dict(found)


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, found) for path, methods in DOCUMENT["paths"].items() for method, found in methods.items()]


def _contents() -> list[tuple[str, dict[str, Any]]]:
    """Every body of a request or a response, with its position."""
    return [
        (f"{operation['operationId']} {status} {media_type}", content)
        for _, _, operation in _operations()
        for status, part in {"request": operation.get("requestBody", {}), **operation["responses"]}.items()
        for media_type, content in _resolved(part).get("content", {}).items()
    ]


def test_the_committed_document_is_up_to_date() -> None:
    committed = (Path(__file__).parents[2] / "docs/openapi.json").read_text()
    assert committed == text(), "docs/openapi.json is out of date: run `make openapi`"


@pytest.mark.parametrize("authorisation", [None, "IAM", "JWT"])
def test_the_document_and_its_schemas_are_valid(authorisation: Any) -> None:  # noqa: ANN401 -- a literal
    openapi = document(authorisation)
    schemathesis.openapi.from_dict(openapi, config=schemathesis.Config()).validate()
    for schema in openapi["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_the_document_has_exactly_the_routes() -> None:
    expected = {
        (path, method.lower()): operation
        for path, operations in ROUTES.items()
        for method, operation in operations.items()
    }
    found = {(path, method): operation["operationId"] for path, method, operation in _operations()}
    assert {key: name for key, name in found.items() if key[1] not in ("head", "options")} == expected
    assert {path for path, method in found if method == "options"} == set(ROUTES)
    assert {path for path, method in found if method == "head"} == {
        path for path, method in expected if method == "get"
    }
    assert len(set(found.values())) == len(found)


def test_the_document_has_exactly_the_problems() -> None:
    of_operations, of_none = (
        {
            code
            for name, content in _contents()
            if name.endswith("application/problem+json") and (" default " in name) is is_default
            for schema in content["schema"].get("anyOf", [content["schema"]])
            for code in schema.get("properties", {"code": {"enum": []}})["code"]["enum"]
        }
        for is_default in (False, True)
    )
    assert of_none == {*OF_NO_OPERATION, *UNREACHABLE}
    assert of_operations == set(PROBLEMS) - of_none
    assert (
        set(COMPONENTS["examples"])
        == set(COMPONENTS["schemas"]["Problem"]["properties"]["code"]["enum"])
        == set(PROBLEMS)
    )
    assert set(BY_OPERATION) == {operation for operations in ROUTES.values() for operation in operations.values()}


def test_every_body_has_an_example_and_every_example_is_valid() -> None:
    for where, content in _contents():
        examples = [_resolved(example)["value"] for example in content.get("examples", {}).values()]
        examples += [content["example"]] if "example" in content else []
        assert examples, where
        for example in examples:
            _validator(content["schema"]).validate(example)
    for schema in [*COMPONENTS["schemas"].values(), *(found["schema"] for found in COMPONENTS["parameters"].values())]:
        for example in schema.get("examples", []):
            _validator(schema).validate(example)


@pytest.mark.parametrize("authorisation", [None, "IAM", "JWT"])
def test_every_component_is_used(authorisation: Any) -> None:  # noqa: ANN401 -- a literal
    openapi = document(authorisation)
    written = json.dumps(openapi)
    for kind in ("schemas", "parameters", "responses", "headers", "examples"):
        for name in openapi["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in written, name


GATEWAY_STATUSES = ("400", "401", "403", "404", "413", "429", "500", "503", "default")


def _responses(status: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The schemas of each operation's response with that status, by media type in the document's order."""
    for _, method, operation in _operations():
        if status in operation["responses"] and method != "head":
            found = _resolved(operation["responses"][status])["content"]
            yield operation["operationId"], [content["schema"] for content in found.values()]


@pytest.mark.parametrize("status", GATEWAY_STATUSES)
def test_the_gateway_s_own_body_is_in_every_schema(status: str) -> None:
    """Its body differs from ours, and a generated client uses one schema for each status, the first media type's."""
    found = dict(_responses(status))
    assert set(found) >= {"create_account", "credit", "withdraw"}
    assert status == "413" or len(found) == len([0 for _, method, _ in _operations() if method != "head"])
    for operation, contents in found.items():
        for schema in contents:
            for message in ("Unauthorized", None):
                assert _validator(schema).is_valid({"message": message}), operation


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_problem_is_in_every_schema_of_its_status(code: str) -> None:
    """A generated client may use the schema of any media type."""
    status = "default" if code in {*OF_NO_OPERATION, *UNREACHABLE} else str(PROBLEMS[code].status)
    problem = COMPONENTS["examples"][code]["value"]
    counts = [[_validator(schema).is_valid(problem) for schema in contents] for _, contents in _responses(status)]
    assert all(len(set(valid)) == 1 for valid in counts)
    assert any(valid[0] for valid in counts)


@pytest.mark.parametrize("status", ["409", "412", "415", "422"])
def test_a_status_of_the_service_alone_is_always_a_problem(status: str) -> None:
    found = dict(_responses(status))
    assert found
    for contents in found.values():
        assert not any(_validator(schema).is_valid({"message": "Unauthorized"}) for schema in contents)


def test_every_operation_and_every_tag_is_described() -> None:
    for _, _, operation in _operations():
        assert operation["description"].endswith("."), operation["operationId"]
    assert all(tag["description"] for tag in DOCUMENT["tags"])
    assert {tag for _, _, operation in _operations() for tag in operation["tags"]} == {
        tag["name"] for tag in DOCUMENT["tags"]
    }


AMOUNTS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    cents("-1", "2", decimals=3),
    cents(MONEY_MAX - 2, MONEY_MAX + 2),
)


def _accepts(amount: str) -> bool:
    try:
        requests.credit(f'{{"amount": {amount}}}'.encode())
    except InvalidRequest:
        return False
    return True


@given(
    st.from_regex(r"\A0{0,41}[0-9]{0,17}(\.[0-9]{0,3})?\Z")
    | AMOUNTS.map(str)
    | AMOUNTS.map("{:f}".format)
    | st.text(max_size=5)
)
def test_string_amounts_are_valid_if_the_code_accepts_them(amount: str) -> None:
    written = json.dumps(amount)
    assert _validator(COMPONENTS["schemas"]["Amount"]).is_valid(amount) == _accepts(written)


@given(AMOUNTS)
def test_number_amounts_are_valid_if_the_code_accepts_them(amount: Decimal) -> None:
    """The amount is written with the fewest digits: JSON Schema compares values, whereas the code counts decimals."""
    shortest = f"{amount.normalize():f}"
    if Decimal(float(amount)) == amount or len(amount.as_tuple().digits) <= 15:  # otherwise no float equals it
        assert _validator(COMPONENTS["schemas"]["Amount"]).is_valid(float(amount)) == _accepts(shortest)


@given(st.from_regex(COMPONENTS["parameters"]["If-Match"]["schema"]["pattern"], fullmatch=True))
def test_every_etag_that_the_document_allows_is_parsed(header: str) -> None:
    etags.sequences(header)
