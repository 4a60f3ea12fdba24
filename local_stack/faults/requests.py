"""Answers requests of scripts and of the console about faults. Any HTTP server may use it."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

from local_stack.faults.errors import FaultRefused, FaultsOff, UnknownFault
from local_stack.faults.switch import FaultState

PATH = "/api/faults"
REFUSALS = {
    UnknownFault: (HTTPStatus.NOT_FOUND, "unknown_fault"),
    FaultsOff: (HTTPStatus.FORBIDDEN, "faults_off"),
    FaultRefused: (HTTPStatus.CONFLICT, "fault_refused"),
}
Answer = tuple[int, dict[str, Any]]


class Switch(Protocol):
    """What is used of `FaultSwitch`."""

    def states(self) -> tuple[FaultState, ...]: ...
    def begin(self, name: str, settings: Mapping[str, str] = ...) -> FaultState: ...
    def end(self, name: str) -> FaultState: ...
    def end_all(self) -> None: ...


def answer(switch: Switch, method: str, path: str, body: bytes, *, may_begin: bool = True) -> Answer:
    """The status and the JSON of the response.

    - `GET /api/faults`: `{"faults": [...]}`, each as `as_json` has it.
    - `POST /api/faults/NAME` with `{"on": true, "settings": {"share": "0.3"}}` or `{"on": false}`: the fault's state.
    - `POST /api/faults` with `{"on": false}`: ends all faults, and returns what GET does.

    Anything else is refused with `{"code": ..., "message": ..., "advice": ...}`.

    Args:
        switch: begins and ends the faults.
        method: the HTTP method.
        path: the path, without a query.
        body: the body; ignored with GET.
        may_begin: whether faults may begin: scripts may end them in any local stack, but begin them only in one that
            was started for it.
    """
    if not (path == PATH or path.startswith(f"{PATH}/")):
        return _refused(HTTPStatus.NOT_FOUND, "not_found", "There is no such page.", f"Use {PATH}.")
    name = path.removeprefix(PATH).removeprefix("/")
    try:
        if method == "GET" and not name:
            return HTTPStatus.OK, _all(switch)
        if method != "POST":
            advice = f"Use GET {PATH} or POST {PATH}/NAME."
            return _refused(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", f"{method} is not possible.", advice)
        is_on, settings = _parsed(body)
        if is_on and not may_begin:
            raise FaultsOff
        return HTTPStatus.OK, _changed(switch, name, is_on, settings)
    except _Invalid as error:
        advice = 'Send {"on": true, "settings": {"share": "0.3"}} or {"on": false}.'
        return _refused(HTTPStatus.BAD_REQUEST, "invalid_request", str(error), advice)
    except FaultRefused as error:
        return _refused(*REFUSALS[type(error)], error.reason, error.advice)


def as_json(state: FaultState) -> dict[str, Any]:
    """A state in JSON: the fields of `FaultState`, with `began_at` in ISO 8601."""
    return {
        "name": state.name,
        "title": state.title,
        "what": state.what,
        "watch": state.watch,
        "repair": state.repair,
        "runbook": state.runbook,
        "is_momentary": state.is_momentary,
        "is_on": state.is_on,
        "began_at": state.began_at.isoformat(timespec="milliseconds") if state.began_at else None,
        "settings": dict(state.settings),
    }


class _Invalid(Exception):
    """The body is not as described."""


def _changed(switch: Switch, name: str, is_on: bool, settings: Mapping[str, str]) -> dict[str, Any]:  # noqa: FBT001 -- as parsed
    if name:
        return as_json(switch.begin(name, settings) if is_on else switch.end(name))
    if is_on:
        raise _Invalid("Faults begin one at a time.")
    switch.end_all()
    return _all(switch)


def _all(switch: Switch) -> dict[str, Any]:
    return {"faults": [as_json(state) for state in switch.states()]}


def _parsed(body: bytes) -> tuple[bool, dict[str, str]]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise _Invalid("The body is not JSON.") from None
    if not isinstance(document, dict) or not isinstance(document.get("on"), bool):
        raise _Invalid("The body has no field `on` that is true or false.")
    settings = document.get("settings", {})
    if not isinstance(settings, dict) or not all(isinstance(value, str) for value in settings.values()):
        raise _Invalid("`settings` must be an object whose values are texts.")
    if unknown := sorted(document.keys() - {"on", "settings"}):
        raise _Invalid(f"The body has an unknown field, {unknown[0][:40]!r}.")
    return document["on"], settings


def _refused(status: HTTPStatus, code: str, message: str, advice: str) -> Answer:
    return status, {"code": code, "message": message, "advice": advice}
