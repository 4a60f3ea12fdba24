"""The API's execution environments: each has its own cache and clock, handles one request at a time, and may end."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from account_core.api.access import Authorisation
from account_core.api.access_log import AccessLog
from account_core.api.http_api import HttpApi
from account_core.service.head_cache import HeadCache
from account_core.service.service import AccountService
from account_core.store.dynamodb_store import DynamoDBAccountStore
from tests.simulation.projector.callers import Job
from tests.simulation.projector.fault_plan import FaultPlan, Killed
from tests.simulation.projector.oracle import PromiseBroken
from tests.simulation.system.table import AccountsTable, TableClient
from tests.support.api import IAM_CALLER, OPERATOR_SCOPE, gateway_event, jwt_caller

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from account_core.service.owned_accounts import OwnedAccounts

ENVIRONMENTS_MAX = 4
SKEW_MAX_S = 3.0
HEADS_MAX = 1, 2, 10_000
PLENTY_MS, LITTLE_MS = 60_000, 0


class _Log(AccessLog):
    """Refuses errors that no fault of a scenario can cause."""

    def __init__(self) -> None:
        pass

    def __call__(self, operation: str, used: object, **facts: object) -> None:
        pass

    def failed(self, error: Exception, **facts: Any) -> None:  # noqa: ANN401 -- as the base class
        if isinstance(error, PromiseBroken):
            raise error
        raise PromiseBroken(f"the API answers internal_error or corrupt: {error!r}, {facts}") from error


class _Context:
    """Lambda's context."""

    def __init__(self, left_ms: int) -> None:
        self._left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._left_ms


class Environment:
    """An execution environment of the API's function.

    Args:
        heads_age: its cached heads have an age, as in the deployed function. Otherwise, transfers use old heads, too.

    Attributes:
        job: the request that it handles.
    """

    def __init__(
        self,
        fault_plan: FaultPlan,
        table: AccountsTable,
        authorisation: Authorisation,
        new_id: Callable[[], str],
        *,
        heads_age: bool,
    ) -> None:
        random = fault_plan.random
        self._fault_plan = fault_plan
        self.job: Job | None = None
        skew_s = random.uniform(-SKEW_MAX_S, SKEW_MAX_S) if fault_plan.strikes("clock skewed") else 0.0
        client = cast("DynamoDBClient", TableClient(table, fault_plan, self._interrupt))
        service = AccountService(
            DynamoDBAccountStore(client, client, "accounts"),
            HeadCache(fault_plan.clock if heads_age else lambda: 0.0, random.choice(HEADS_MAX)),
            pause=lambda _conflicts: self._pause(),
        )
        self._api = HttpApi(
            service,
            cast("OwnedAccounts", None),  # no client lists accounts by owner
            now=lambda: datetime.fromtimestamp(fault_plan.clock() + skew_s, UTC),
            new_id=new_id,
            log=_Log(),
            authorisation=authorisation,
            operator_scope=OPERATOR_SCOPE,
            has_transfers=True,
        )

    def begin(self, event: Mapping[str, Any], answer: Callable[[dict[str, Any]], None]) -> Job:
        """Begin a request, which each step of the job continues; its answer is passed on at its end."""
        left_ms = LITTLE_MS if self._fault_plan.strikes("api little time") else PLENTY_MS
        self.job = Job(lambda: answer(self._api(event, _Context(left_ms))))
        return self.job

    def _interrupt(self) -> None:
        self._pause()
        if self._fault_plan.strikes("api killed"):
            raise Killed

    def _pause(self) -> None:
        """Let other requests continue."""
        if self.job is not None:
            self.job.pause()


class Gateway:
    """Passes requests to environments.

    Attributes:
        is_jwt: whether callers own their accounts, or may use all of them.
    """

    def __init__(self, fault_plan: FaultPlan, table: AccountsTable, new_id: Callable[[], str]) -> None:
        self.is_jwt = fault_plan.random.random() < 0.5
        self._fault_plan = fault_plan
        self._table = table
        self._new_id = new_id
        self._environments: list[Environment] = []
        self._requests = 0
        self._started = 0

    def begin(self, method: str, target: str, body: str | None, headers: Mapping[str, str], subject: str) -> "Request":
        self._requests += 1
        caller = jwt_caller(subject) if self.is_jwt else IAM_CALLER
        event = gateway_event(method, target, body, headers, caller=caller, gateway_id=f"gateway-{self._requests}")
        return Request(self, self._idle(), event)

    def end(self, environment: Environment) -> None:
        """An environment has ended."""
        self._environments.remove(environment)

    def _idle(self) -> Environment:
        random = self._fault_plan.random
        idle = [each for each in self._environments if each.job is None]
        if idle and self._fault_plan.strikes("api restarted"):
            self._environments.remove(idle.pop())
        if idle and (len(self._environments) >= ENVIRONMENTS_MAX or random.random() < 0.7):
            return random.choice(idle)
        authorisation: Authorisation = "JWT" if self.is_jwt else "IAM"
        heads_age = self._started % 2 == 1
        environment = Environment(self._fault_plan, self._table, authorisation, self._new_id, heads_age=heads_age)
        self._started += 1
        self._environments.append(environment)
        return environment


class Request:
    """A request in progress.

    Attributes:
        status, body: the answer, once the request is over; the status is 0 if there is no answer.
    """

    def __init__(self, gateway: Gateway, environment: Environment, event: Mapping[str, Any]) -> None:
        self._gateway = gateway
        self._environment = environment
        self.status = 0
        self.body: dict[str, Any] = {}
        self._job = environment.begin(event, self._take)

    def _take(self, answer: dict[str, Any]) -> None:
        self.status, self.body = answer["statusCode"], json.loads(answer["body"] or "{}")

    def step(self) -> bool:
        """Let the environment make its next request to the table. False: the request is over."""
        try:
            goes_on = self._job.step()
        except Killed:
            self._gateway.end(self._environment)
            return False
        if not goes_on:
            self._environment.job = None
        return goes_on

    def abandon(self) -> None:
        self._job.abandon()
