"""The console's routes: the page, its files, and the JSON API under `/api`."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from account_events import __version__
from local_stack.errors import CommandError
from ops.console.access import Refusal
from ops.console.accounts import Accounts
from ops.console.charts import ChartSource
from ops.console.commands import Command, send
from ops.console.doctor_runs import DoctorRuns
from ops.console.errors import Refused
from ops.console.guard import CALLER, Guard
from ops.console.hub import Hub
from ops.console.look import reason, remedy
from ops.console.published import as_time
from ops.console.sse import EventStream
from ops.console.static_files import INDEX, StaticFile
from ops.console.subject import LocalParts, Subject

ACCOUNTS_MAX = 50
VERSION_DIGITS_MAX = 18
READ_ONLY = Refused(
    403,
    "read_only",
    "This console is read-only, because the stack is deployed on AWS.",
    "Use the console of a local stack, which `make up` starts.",
)
NOT_FOUND = Refusal(404, "not_found", "There is no such page.", "Open the console's start page, /.")

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Api:
    """The endpoints.

    Attributes:
        files: the page's files by name.
        started_at: when the server was started.
    """

    subject: Subject
    hub: Hub
    accounts: Accounts
    charts: ChartSource
    doctor: DoctorRuns
    files: Mapping[str, StaticFile]
    started_at: datetime

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route("/", self.index),
            Route("/favicon.ico", lambda _: Response(status_code=204)),
            Route("/static/{name}", self.file),
            Route("/api/stack", self._json(self.stack)),
            Route("/api/events", EventStream(self.hub), methods=["GET"]),
            Route("/api/accounts", self._json(self.list_accounts)),
            Route("/api/accounts/{account_id:path}", self._json(self.account)),
            Route("/api/commands", self._json(self.command), methods=["POST"]),
            Route("/api/doctor", self._json(self.run_doctor), methods=["POST"]),
            Route("/api/charts", self._json(self.day_charts)),
            Route("/api/faults", self._json(self.faults), methods=["GET", "POST"]),
            Route("/api/faults/{name}", self._json(self.faults), methods=["POST"]),
        ]

    def index(self, _: Request) -> Response:
        """The page."""
        return self._file(INDEX)

    def file(self, request: Request) -> Response:
        """One of the page's files."""
        return self._file(request.path_params["name"])

    def stack(self, _: Request, __: bytes) -> object:
        """What the console shows, and what it can do."""
        address, local = self.subject.deployment.address, self.subject.local
        return {
            "name": self.subject.name,
            "is_local": local is not None,
            "can_send": address is not None and local is not None,
            "can_break": local is not None,
            "api_url": address.api_url if address else self.subject.deployment.outputs["ApiUrl"],
            "swagger_url": local.swagger_url if local else None,
            "preparation": self.subject.preparation,
            "version": __version__,
            "poll_s": self.subject.pace.events_s,
            "started_at": as_time(self.started_at),
        }

    def list_accounts(self, request: Request, _: bytes) -> object:
        """The accounts with the newest events, or the one with the whole id `find`."""
        find = request.query_params.get("find", "").strip()
        known = [asdict(each) for each in self.hub.accounts(find, ACCOUNTS_MAX)]
        if not known and find:
            found = self.accounts.found(find)
            return {"accounts": [found] if found else []}
        owners = self._owners([each["account_id"] for each in known if each["owner"] is None])
        return {"accounts": [each | {"owner": each["owner"] or owners.get(each["account_id"])} for each in known]}

    def account(self, request: Request, _: bytes) -> object:
        """An account's rows."""
        account_id, text = request.path_params["account_id"], request.query_params.get("before")
        if text is not None and not (text.isascii() and text.isdigit() and len(text) <= VERSION_DIGITS_MAX):
            raise Refused(400, "invalid_request", "`before` must be a version, a whole number.", "Leave it out.")
        found = self.accounts.page(account_id, None if text is None else int(text))
        if found is None:
            raise Refused(404, "unknown_account", f"There is no account {account_id[:100]}.", "Check the id.")
        return found

    def command(self, _: Request, body: bytes) -> object:
        """Sends a command. A deployed stack is never sent one."""
        self._local()
        address = self.subject.deployment.address
        if address is None:
            raise READ_ONLY
        return send(address, Command.of(_parsed(body)))

    def run_doctor(self, _: Request, __: bytes) -> object:
        """Starts a run of `doctor`, whose findings follow as a server-sent event."""
        self.doctor.start()
        return Response(status_code=202)

    def day_charts(self, request: Request, _: bytes) -> object:
        """The charts of a day."""
        text = request.query_params.get("day")
        return self.charts.charts(None if not text else _day(text))

    def faults(self, request: Request, body: bytes) -> object:
        """Lists faults, begins one, or ends it."""
        local = self._local()
        may_begin = request.scope[CALLER] != "script" or local.scripts_may_break
        status, found = local.answer_faults(request.method, request.url.path, body, may_begin)
        return JSONResponse(found, status)

    def _local(self) -> LocalParts:
        if self.subject.local is None:
            raise READ_ONLY
        return self.subject.local

    def _owners(self, account_ids: list[str]) -> Mapping[str, str]:
        """The owners of accounts whose first event the console did not see; none if the read model does not answer."""
        try:
            return self.accounts.owners(account_ids)
        except Exception:  # noqa: BLE001 -- the list is useful without owners, and the status reports the fault
            return {}

    def _file(self, name: str) -> Response:
        found = self.files.get(name)
        if found is None:
            raise HTTPException(404)
        return Response(found.body, headers={"Content-Type": found.content_type})

    def _json(self, answer: Callable[[Request, bytes], object]) -> Endpoint:
        """An endpoint that answers in a thread, because AWS's clients block, with JSON or with the reason why not."""

        async def endpoint(request: Request) -> Response:
            body = await request.body()
            return await run_in_threadpool(partial(self._answered, answer, request, body))

        return endpoint

    def _answered(self, answer: Callable[[Request, bytes], object], request: Request, body: bytes) -> Response:
        try:
            found = answer(request, body)
        except Refused as error:
            return JSONResponse(error.as_json(), error.status)
        except CommandError as error:
            return JSONResponse({"code": "failed", "message": str(error), "advice": ""}, 502)
        except Exception as error:  # noqa: BLE001 -- the page shows what failed
            advice = remedy(error, is_local=self.subject.local is not None)
            return JSONResponse({"code": "unreachable", "message": reason(error), "advice": advice}, 502)
        return found if isinstance(found, Response) else JSONResponse(found)


def application(api: Api, guarded_by: Callable[[Starlette], Guard]) -> Guard:
    """The whole ASGI application, behind its access rules."""
    return guarded_by(Starlette(routes=api.routes(), exception_handlers={HTTPException: _not_found}))


async def _not_found(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    refusal = NOT_FOUND if status == 404 else Refusal(status, "refused", "This is not possible here.", NOT_FOUND.advice)  # noqa: PLR2004
    return Guard.refusal(request.url.path, refusal)


def _parsed(body: bytes) -> Any:  # noqa: ANN401 -- any JSON
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "invalid_request", "The body is not JSON.", "Correct the request.") from None


def _day(text: str) -> date:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise Refused(400, "invalid_request", "`day` must be a date, YYYY-MM-DD.", "Leave it out.") from None
    if day.year < 2000:  # noqa: PLR2004 -- the first year of `account-events report`
        raise Refused(400, "invalid_request", "`day` must be in 2000 or later.", "Leave it out.")
    return day
