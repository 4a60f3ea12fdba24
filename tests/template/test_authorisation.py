"""The API's authorisation in template.yaml, for every combination of its parameters."""

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from account_core.settings import Settings
from local_stack.token_issuer import OPERATOR_SCOPE

TEMPLATE: dict[str, Any] = yaml_parse((Path(__file__).parents[2] / "template.yaml").read_text())
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
ISSUER, AUDIENCE = "https://issuer.example.com/pool", "account-events"
TARGETS: list[str] = PARAMETERS["Target"]["AllowedValues"]
AUTHS: list[str] = PARAMETERS["Auth"]["AllowedValues"]
LOGGED = {"requestId", "requestTime", "httpMethod", "status", "responseLatency", "error.message"}


def resolved(value: Any, parameters: dict[str, str]) -> Any:  # noqa: ANN401 -- any value of the template
    """Resolve a value with these parameters and the others' defaults. References to resources stay unresolved."""
    found = value
    match value:
        case list():
            found = [resolved(each, parameters) for each in value]
        case {"Fn::If": [condition, one, other]}:
            is_true = resolved(TEMPLATE["Conditions"][condition], parameters)
            found = resolved(one if is_true else other, parameters)
        case {"Fn::Equals": [one, other]}:
            found = resolved(one, parameters) == resolved(other, parameters)
        case {"Fn::Not": [one]}:
            found = not resolved(one, parameters)
        case {"Ref": str(name)} if name in PARAMETERS:
            found = parameters.get(name, PARAMETERS[name]["Default"])
        case dict():
            found = {key: resolved(each, parameters) for key, each in value.items()}
    return found


def refused(**parameters: str) -> list[str]:
    """Return the template's assertions that these parameters violate."""
    return [
        assertion["AssertDescription"]
        for rule in TEMPLATE["Rules"].values()
        if resolved(rule["RuleCondition"], parameters)
        for assertion in rule["Assertions"]
        if not resolved(assertion["Assert"], parameters)
    ]


@pytest.mark.parametrize(("target", "auth"), list(product(TARGETS, AUTHS)))
def test_every_route_needs_authorisation(target: str, auth: str) -> None:
    parameters = {"Target": target, "Auth": auth, "JwtIssuer": ISSUER, "JwtAudience": AUDIENCE}
    routes = [resource for resource in RESOURCES.values() if resource["Type"] == "AWS::ApiGatewayV2::Route"]
    assert [route["Properties"]["RouteKey"] for route in routes] == ["$default"]
    for route in routes:
        assert "Condition" not in route
        properties = resolved(route["Properties"], parameters)
        if auth == "IAM":
            assert properties["AuthorizationType"] == "AWS_IAM"
            assert properties["AuthorizerId"] == {"Ref": "AWS::NoValue"}
        else:
            assert properties["AuthorizationType"] == "JWT"
            assert properties["AuthorizerId"] == {"Ref": "HttpApiAuthorizer"}


def test_only_this_api_may_invoke_the_function() -> None:
    """The function trusts the caller's identity in its event."""
    permissions = [
        one["Properties"]
        for one in RESOURCES.values()
        if one["Type"] == "AWS::Lambda::Permission" and one["Properties"]["FunctionName"] == {"Ref": "ApiFunction"}
    ]
    arn = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/*"
    assert permissions == [
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "ApiFunction"},
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": arn},
        }
    ]


def test_iam_is_the_default() -> None:
    assert (TARGETS, AUTHS) == (["aws", "local"], ["IAM", "JWT"])
    assert PARAMETERS["Auth"]["Default"] == "IAM"
    assert refused() == []


def test_no_other_resource_creates_a_route() -> None:
    """Routes can also come from an API's definition, from quick create, or from SAM's resources."""
    assert set(RESOURCES["HttpApi"]["Properties"]) == {"Name", "ProtocolType"}
    kinds = {resource["Type"] for resource in RESOURCES.values()}
    assert not {kind for kind in kinds if kind.startswith("AWS::Serverless::")} - {"AWS::Serverless::Function"}
    assert not {"AWS::Lambda::Url", "AWS::ApiGateway::RestApi"} & kinds
    assert not any("FunctionUrlConfig" in resource["Properties"] for resource in RESOURCES.values())


def test_tokens_are_checked_for_issuer_and_audience() -> None:
    authorizer = RESOURCES["HttpApiAuthorizer"]
    assert authorizer["Condition"] == "WithJwt"
    properties = resolved(authorizer["Properties"], {"JwtIssuer": ISSUER, "JwtAudience": AUDIENCE})
    assert properties["AuthorizerType"] == "JWT"
    assert properties["IdentitySource"] == ["$request.header.Authorization"]
    assert properties["JwtConfiguration"] == {"Issuer": ISSUER, "Audience": [AUDIENCE]}


@pytest.mark.parametrize(
    ("given", "violations"),
    [
        ({"JwtIssuer": ISSUER, "JwtAudience": AUDIENCE}, 0),
        ({"JwtIssuer": ISSUER}, 1),
        ({"JwtAudience": AUDIENCE}, 1),
        ({}, 2),
    ],
)
@pytest.mark.parametrize("target", TARGETS)
def test_tokens_without_issuer_or_audience_are_refused(target: str, given: dict[str, str], violations: int) -> None:
    assert len(refused(Target=target, Auth="JWT", **given)) == violations


@pytest.mark.parametrize(
    ("issuer", "allowed"),
    [
        ("", True),
        (ISSUER, True),
        ("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc", True),
        ("http://127.0.0.1:4711", True),
        ("https://", False),
        ("http://issuer.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://127.0.0.1:80@example.com", False),
        ("issuer.example.com", False),
        ("https://issuer.example.com https://other.example.com", False),
    ],
)
def test_an_issuer_is_an_https_url_or_a_loopback_url(issuer: str, *, allowed: bool) -> None:
    """The issuer's keys decide which tokens are accepted."""
    assert bool(re.fullmatch(PARAMETERS["JwtIssuer"]["AllowedPattern"], issuer)) is allowed


def test_conditions_depend_only_on_parameters() -> None:
    assert set(re.findall(r"'Ref': '(.*?)'", str(TEMPLATE["Conditions"]))) <= set(PARAMETERS)


@pytest.mark.parametrize("auth", AUTHS)
def test_the_function_knows_how_its_callers_are_identified(auth: str) -> None:
    variables = resolved(RESOURCES["ApiFunction"]["Properties"]["Environment"]["Variables"], {"Auth": auth})
    settings = Settings.read(variables)
    assert (settings.authorisation, settings.operator_scope) == (auth, OPERATOR_SCOPE)


def test_callers_are_throttled() -> None:
    limits = RESOURCES["HttpApiStage"]["Properties"]["DefaultRouteSettings"]
    assert 0 < limits["ThrottlingRateLimit"] <= 1000
    assert 0 < limits["ThrottlingBurstLimit"] <= 1000


def test_the_access_log_contains_no_secrets() -> None:
    """No bodies, headers, query strings or claims."""
    log = RESOURCES["HttpApiStage"]["Properties"]["AccessLogSettings"]["Format"]
    assert json.loads(log)
    assert set(re.findall(r"\$context\.([A-Za-z.]+)", log)) == LOGGED
    assert log.count("$") == len(LOGGED)
