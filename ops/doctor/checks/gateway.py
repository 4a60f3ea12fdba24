"""The API: all requests need authorisation, reach the function, and are logged and limited as in the template."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind, quoted
from ops.doctor.stack_view import StackView

DIFFERS = Kind(
    "api-route-differs",
    "Requests without authorisation may be answered, or none at all.",
    "undo-a-change-made-by-hand",
)
STAGE_DIFFERS = Kind(
    "api-stage-differs", "Requests are refused too early or too late, or are not logged.", "undo-a-change-made-by-hand"
)
OPTIONS = {
    "AuthorizationType": "--authorization-type",
    "AuthorizerId": "--authorizer-id",
    "Target": "--target",
}


def check(view: StackView) -> Iterator[Finding]:
    """Checks the template's routes and what they need, and that no others are without the same authorisation."""
    for name in view.of_type("AWS::ApiGatewayV2::Api"):
        pages = view.client("apigatewayv2").get_paginator("get_routes").paginate(ApiId=view.physical_ids[name])
        routes = found(partial(_by_id, pages))
        if routes is None:
            yield deleted(view, name)
            return
        yield from _routes(view, view.physical_ids[name], routes)
        yield from _integration(view, view.physical_ids[name])
        yield from _authorizer(view, view.physical_ids[name])
        yield from _stage(view, view.physical_ids[name])


def _by_id(pages: Any) -> dict[str, Mapping[str, Any]]:  # noqa: ANN401 -- botocore's
    return {route["RouteId"]: route for page in pages for route in page["Items"]}


def _routes(view: StackView, api: str, routes: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    names = view.of_type("AWS::ApiGatewayV2::Route")
    known = {view.physical_ids[name].rpartition("/")[2]: name for name in names}  # the emulator's begin with the API's
    needed = {view.properties(name)["AuthorizationType"] for name in known.values()}
    for route_id, name in known.items():
        if route_id not in routes:
            yield deleted(view, name)
            continue
        expected, route = view.properties(name), routes[route_id]
        if wrong := [each for each in OPTIONS if route.get(each) != expected.get(each)]:
            settings = " ".join(f"{option} {expected[each]}" for each, option in OPTIONS.items() if each in expected)
            what = f"The route {expected['RouteKey']} differs from the template in {', '.join(wrong)}."
            repair = f"aws apigatewayv2 update-route --api-id {api} --route-id {route_id} {settings}"
            yield DIFFERS.at(name, what, repair)
    for route_id in sorted(routes.keys() - known.keys()):
        route = routes[route_id]
        if (kind := route.get("AuthorizationType")) not in needed:
            what = f"The API has another route, {route['RouteKey']}, with the authorisation {kind}."
            repair = f"aws apigatewayv2 delete-route --api-id {api} --route-id {route_id}"
            yield DIFFERS.at(route["RouteKey"], what, repair)


def _integration(view: StackView, api: str) -> Iterator[Finding]:
    for name in view.of_type("AWS::ApiGatewayV2::Integration"):
        expected, integration = view.properties(name), view.physical_ids[name].rpartition("/")[2]
        names = {"ApiId": api, "IntegrationId": integration}
        described = found(partial(view.client("apigatewayv2").get_integration, **names))
        if described is None:
            yield deleted(view, name)
        elif (function := expected["IntegrationUri"]) not in described.get("IntegrationUri", ""):
            what = f"The API invokes {described.get('IntegrationUri')}; in the template, it is {function}."
            repair = f"aws apigatewayv2 update-integration --api-id {api} --integration-id {integration}"
            yield DIFFERS.at(name, what, f"{repair} --integration-uri {function}")


def _authorizer(view: StackView, api: str) -> Iterator[Finding]:
    for name in view.of_type("AWS::ApiGatewayV2::Authorizer"):
        expected, authorizer = view.properties(name), view.physical_ids[name].rpartition("/")[2]
        names = {"ApiId": api, "AuthorizerId": authorizer}
        described = found(partial(view.client("apigatewayv2").get_authorizer, **names))
        if described is None:
            yield deleted(view, name)
        elif described.get("JwtConfiguration") != expected["JwtConfiguration"]:
            what = f"{name} accepts other tokens than those of JwtIssuer for JwtAudience."
            repair = f"aws apigatewayv2 update-authorizer --api-id {api} --authorizer-id {authorizer}"
            repair += f" --jwt-configuration {quoted(expected['JwtConfiguration'])}"
            yield DIFFERS.at(name, what, repair)


def _stage(view: StackView, api: str) -> Iterator[Finding]:
    for name in view.of_type("AWS::ApiGatewayV2::Stage"):
        expected = view.properties(name)
        limits, logs = expected["DefaultRouteSettings"], expected["AccessLogSettings"]
        names = {"ApiId": api, "StageName": expected["StageName"]}
        described = found(partial(view.client("apigatewayv2").get_stage, **names))
        if described is None:
            yield deleted(view, name)
            continue
        deployed = described.get("DefaultRouteSettings", {})
        wrong = [] if view.is_local else [each for each in limits if deployed.get(each) != limits[each]]
        group = described.get("AccessLogSettings", {}).get("DestinationArn", "")
        if group.removesuffix(":*") != logs["DestinationArn"].removesuffix(":*"):
            wrong.append("AccessLogSettings")
        if wrong:
            repair = f"aws apigatewayv2 update-stage --api-id {api} --stage-name {quoted(expected['StageName'])}"
            repair += f" --default-route-settings {quoted(limits)} --access-log-settings {quoted(logs)}"
            yield STAGE_DIFFERS.at(name, f"The API's stage differs from the template in {', '.join(wrong)}.", repair)
