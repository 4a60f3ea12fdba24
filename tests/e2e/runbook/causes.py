"""Causes that several scenarios share, and what undoes them."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from local_stack.event_source_mapping.runner import MappingRunner
from tests.e2e.runbook.on_call import Operator
from tests.e2e.runbook.programs import continue_with

Undo = Callable[[], object]
UNDO, RESTORE = "Undo a change made by hand", "Restore a permission"
INTERNAL_ERROR = (500, "InternalServerError")
THROTTLED = (400, "ProvisionedThroughputExceededException")


def lose_permission(op: Operator, role: str, policy: str) -> None:
    """Delete a policy of a role by hand."""
    op.client("iam").delete_role_policy(RoleName=op.id_of(role), PolicyName=policy)


def restore_permission(op: Operator, role: str, policy: str) -> None:
    """Follow the procedure: compare the policies, then write the document from template.yaml."""
    words = {"ProjectorFunctionRole": role, "publish": policy}
    compared = op.procedure(RESTORE, "list-role-policies", **words)
    assert f'"{policy}"' not in compared
    assert "NoSuchEntity" in compared
    write_policy(op, role, policy)
    op.procedure(RESTORE, "put-role-policy", **words)


def write_policy(op: Operator, role: str, policy: str) -> None:
    """Copy the policy's document from template.yaml to policy.json."""
    policies = {each["PolicyName"]: each["PolicyDocument"] for each in op.view.properties(role)["Policies"]}
    (op.folder / "policy.json").write_text(json.dumps(policies[policy]))


def break_settings(op: Operator, function: str, variable: str) -> Undo:
    """Remove an environment variable by hand, so that the function cannot start.

    Returns:
        What undoes it, and what the operator changes meanwhile.
    """
    functions, name = op.client("lambda"), op.id_of(function)
    before = functions.get_function_configuration(FunctionName=name)
    intact = {"MemorySize": before["MemorySize"], "Environment": {"Variables": before["Environment"]["Variables"]}}
    broken = {key: value for key, value in before["Environment"]["Variables"].items() if key != variable}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": broken})
    return lambda: functions.update_function_configuration(FunctionName=name, **intact)


def break_handler(op: Operator, function: str) -> Undo:
    """Change a function's handler by hand: it fails sooner than without a variable, which it reads after its imports.

    Returns:
        What undoes it, and what the operator changes meanwhile.
    """
    functions, name = op.client("lambda"), op.id_of(function)
    before = functions.get_function_configuration(FunctionName=name)
    functions.update_function_configuration(FunctionName=name, Handler="no_such_module.handler")
    intact = {"MemorySize": before["MemorySize"], "Handler": before["Handler"]}
    return lambda: functions.update_function_configuration(FunctionName=name, **intact)


def shorten_attempts(op: Operator) -> Undo:
    """Let the projector run for 16 seconds only, so that it soon reports what Kinesis does not accept."""
    functions, name = op.client("lambda"), op.output("ProjectorFunctionName")
    before = functions.get_function_configuration(FunctionName=name)["Timeout"]
    functions.update_function_configuration(FunctionName=name, Timeout=16)
    return lambda: functions.update_function_configuration(FunctionName=name, Timeout=before)


def fail(op: Operator, function: str, payload: Mapping[str, Any] | None = None) -> None:
    """Invoke a function that must fail, and write the line that Lambda logs; the emulator does not."""
    answer = op.client("lambda").invoke(FunctionName=op.id_of(function), Payload=json.dumps(payload or {}).encode())
    assert answer.get("FunctionError"), answer
    error = json.loads(answer["Payload"].read())
    op.log(f"{function}Logs", {"log_level": "ERROR", **error})


def undo(op: Operator, change: Undo, changed: str) -> None:
    """Follow the procedure. The emulator has no drift-aware change sets: executing one undoes the change here.

    The change set lists the resource `changed`.
    """
    executed: list[object] = []
    cloudformation = op.world.client("cloudformation")

    def describe_stacks(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        [stack] = cloudformation.describe_stacks(**parameters)["Stacks"]
        described = {key: stack[key] for key in ("StackName", "CreationTime", "StackStatus", "Parameters")}
        return {"Stacks": [described | ({"StackStatus": "UPDATE_COMPLETE"} if executed else {})]}

    def execute(_parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        executed.append(change())
        return {}

    resource = {"Action": "Modify", "LogicalResourceId": changed, "Replacement": "False"}
    op.stubs |= {
        ("cloudformation", "create-change-set"): lambda _: {},
        ("cloudformation", "delete-change-set"): lambda _: {},
        ("cloudformation", "describe-change-set"): lambda _: {
            "Status": "CREATE_COMPLETE",
            "Changes": [{"Type": "Resource", "ResourceChange": resource}],
        },
        ("cloudformation", "describe-stacks"): describe_stacks,
        ("cloudformation", "execute-change-set"): execute,
    }
    assert changed in op.procedure(UNDO, "describe-change-set")
    op.procedure(UNDO, "execute-change-set")
    op.procedure(UNDO, "delete-change-set")
    assert len(executed) == 1
    del op.stubs["cloudformation", "describe-stacks"]


@contextmanager
def without_retries(op: Operator, mapping: str, **settings: Any) -> Iterator[MappingRunner]:  # noqa: ANN401 -- of MappingConfig
    """Let the fake of a mapping give records up at their first failure, and let it have these other settings."""
    runner = op.world.deployment.mappings[mapping]
    changes = {"retry_attempts_max": 0, **settings}
    before = {name: getattr(runner.config, name) for name in changes}
    continue_with(runner, changes)
    try:
        yield runner
    finally:
        continue_with(runner, before)


@contextmanager
def refusing_dynamodb(
    op: Operator, function: str, table: str, refusal: tuple[int, str]
) -> Iterator[tuple[Counter[str], threading.Event]]:
    """Make a function use a DynamoDB that refuses the requests to a table, until the event is set.

    Yields:
        The numbers of refused requests by operation, and the event.
    """
    refused, accepting = Counter[str](), threading.Event()
    handler = _handler(op.world.deployment.address.endpoint_url, op.id_of(table), refusal, refused, accepting)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    functions, name = op.client("lambda"), op.id_of(function)
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    through = {**variables, "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{server.server_port}"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": through})
    try:
        yield refused, accepting
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(
    endpoint_url: str, table: str, refusal: tuple[int, str], refused: Counter[str], accepting: threading.Event
) -> type[BaseHTTPRequestHandler]:
    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, code = refusal
            if f'"{table}"'.encode() in body and not accepting.is_set():
                refused[self.headers["X-Amz-Target"].rpartition(".")[2]] += 1
                self._answer(status, json.dumps({"__type": f"com.amazonaws.dynamodb#{code}"}).encode())
                return
            with closing(HTTPConnection(urlsplit(endpoint_url).netloc, timeout=30)) as connection:
                connection.request("POST", "/", body, dict(self.headers.items()))
                found = connection.getresponse()
                self._answer(found.status, found.read())

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 -- the base class's signature
            """Log nothing."""

    return Proxy


def restore_storing_of_failures(op: Operator, role: str, destination: str, agreed: str) -> None:
    """A function's role may not write what Lambda gave up, until the runbook's commands restore its policy.

    Args:
        op: the person on call.
        role: the role's logical id.
        destination: the logical id of the bucket's resource that is deployed again.
        agreed: what the last command prints if everything agrees.
    """
    lose_permission(op, role, "keep-failures")
    op.metric(1)
    op.assert_alarm()
    seen = op.look()
    assert "NoSuchEntity" in seen
    assert "aws:SecureTransport" in seen
    assert "AES256" in seen
    write_policy(op, role, "keep-failures")
    words = {"ProjectorFunctionRole": role, "publish": "keep-failures"}
    op.procedure(RESTORE, "put-role-policy", **words)
    undo(op, lambda: None, destination)
    assert agreed in op.repair()
    assert '"s3:PutObject"' in op.look("get-role-policy")
    op.mark()
    op.assert_ok()
