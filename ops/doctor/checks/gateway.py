"""The API's routes: all requests need authorisation, and reach the function."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ops.doctor.deleted import deleted, found
from ops.doctor.finding import Finding, Kind
from ops.doctor.stack_view import StackView

DIFFERS = Kind(
    "api-route-differs",
    "Requests without authorisation may be answered, or none at all.",
    "undo-a-change-made-by-hand",
)
OPTIONS = {
    "AuthorizationType": "--authorization-type",
    "AuthorizerId": "--authorizer-id",
    "Target": "--target",
}


def check(view: StackView) -> Iterator[Finding]:
    """Checks the template's routes, and that there are no others without the same authorisation."""
    for name in view.of_type("AWS::ApiGatewayV2::Api"):
        pages = view.client("apigatewayv2").get_paginator("get_routes").paginate(ApiId=view.physical_ids[name])
        routes = found(partial(_by_id, pages))
        if routes is None:
            yield deleted(view, name)
            return
        yield from _routes(view, view.physical_ids[name], routes)


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
