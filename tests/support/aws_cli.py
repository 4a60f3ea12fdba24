"""Runs commands of the AWS CLI against the local stack, without the CLI.

It reads options as the CLI does, from botocore's service models, so a command with an unknown operation or option
fails. Of the high-level commands it knows those in `HIGH_LEVEL`. A list of results is complete, as the CLI's.
"""

import base64
import json
import re
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.stub import Stubber

from tests.support.aws_commands import RENAMED, SERVICES
from tests.support.log_pattern import matches

Client = Callable[[str], Any]
Respond = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Returns the response to an operation's parameters."""
SECONDS = {"m": 60, "h": 3_600}
WAITER = {"Delay": 0.1, "MaxAttempts": 300}
INPUT = "cli-input-json"
"""The option of the CLI with an operation's parameters as JSON."""
OWN = ("query", "output")
"""Options of the CLI itself."""


@dataclass(frozen=True)
class AwsCli:
    """The AWS CLI with the credentials of an operator.

    Attributes:
        client: returns a client of a service.
        stubs: responses, by service and operation, to requests that are not sent. Botocore checks request and response
            against the service's model.
        newer_than_s: returns the time, in seconds since 1970, before which `logs tail` sees nothing.
    """

    client: Client
    stubs: Mapping[tuple[str, str], Respond] = field(default_factory=dict)
    newer_than_s: Callable[[], float] = lambda: 0.0

    def text(self, arguments: Sequence[str]) -> str:
        """Run a command and return what the CLI prints."""
        service, operation, *rest = arguments
        if (service, operation) in HIGH_LEVEL:
            return HIGH_LEVEL[service, operation](self, *rest)
        words = _options(rest)
        query, form = words.pop("query", ["@"]), words.pop("output", ["json"])
        if operation == "wait":
            [name] = words.pop("")
            self._wait(service, name, words)
            return ""
        response = self.call(service, operation, words)
        response.pop("ResponseMetadata", None)
        if not response and query == ["@"]:
            return ""
        found = jmespath.search(query[0], response)
        return f"{_as_text(found)}\n" if form == ["text"] else json.dumps(found, indent=1, default=_as_json) + "\n"

    def call(self, service: str, operation: str, words: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Call an operation and return the response."""
        service = SERVICES.get(service, service)
        if INPUT in words:
            parameters: dict[str, Any] = json.loads(words[INPUT][0])
        else:
            parameters = _parameters(words, _members(service, operation), service, operation)
        client, method = self.client(service), operation.replace("-", "_")
        if respond := self.stubs.get((service, operation)):
            with Stubber(client) as stubber:
                stubber.add_response(method, dict(respond(parameters)))
                return dict(getattr(client, method)(**parameters))
        if client.can_paginate(method):
            return dict(client.get_paginator(method).paginate(**parameters).build_full_result())
        return dict(getattr(client, method)(**parameters))

    def _wait(self, service: str, name: str, words: Mapping[str, Sequence[str]]) -> None:
        waiter = self.client(service).get_waiter(name.replace("-", "_"))
        operation = xform_name(waiter.config.operation, "-")
        if (service, operation) in self.stubs:
            response = self.call(service, operation, words)
            states = [each.state for each in waiter.config.acceptors if each.matcher_func(response)]
            assert states[:1] == ["success"], (name, response)
            return
        parameters = _parameters(words, _members(service, operation), service, operation)
        waiter.wait(**parameters, WaiterConfig=WAITER)

    def tail(self, group: str, *rest: str) -> str:
        options = _options(rest)
        number, unit = re.fullmatch(r"(\d+)([mh])", options["since"][0]).groups()  # type: ignore[union-attr]
        start_s = max(time.time() - int(number) * SECONDS[unit], self.newer_than_s())
        [pattern] = options.get("filter-pattern", [""])
        pages = (
            self.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=group, startTime=int(start_s * 1_000))
        )
        events = [event for page in pages for event in page["events"] if matches(pattern, event["message"])]
        return "".join(f"{event['timestamp']} {event['message']}\n" for event in events)

    def list_objects(self, url: str, *rest: str) -> str:
        bucket, prefix = _bucket_and_key(url)
        keys = self._keys(bucket, prefix)
        lines = [f"2026-01-01 00:00:00 1 {key if '--recursive' in rest else key.removeprefix(prefix)}" for key in keys]
        return "".join(f"{line}\n" for line in [*lines, *([f"Total Objects: {len(keys)}"] * ("--summarize" in rest))])

    def copy(self, source: str, target: str) -> str:
        if target.startswith("s3://"):
            self.client("s3").upload_file(source, *_bucket_and_key(target))
            return f"upload: {source} to {target}\n"
        assert target == "-", target
        bucket, key = _bucket_and_key(source)
        body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body.decode()

    def move(self, source: str, target: str) -> str:
        (from_bucket, from_key), (bucket, key) = _bucket_and_key(source), _bucket_and_key(target)
        s3 = self.client("s3")
        s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": from_bucket, "Key": from_key})
        s3.delete_object(Bucket=from_bucket, Key=from_key)
        return f"move: {source} to {target}\n"

    def remove(self, url: str, *rest: str) -> str:
        bucket, key = _bucket_and_key(url)
        keys = self._keys(bucket, key) if "--recursive" in rest else [key]
        for each in keys:
            self.client("s3").delete_object(Bucket=bucket, Key=each)
        return "".join(f"delete: s3://{bucket}/{each}\n" for each in keys)

    def _keys(self, bucket: str, prefix: str) -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]


HIGH_LEVEL: Mapping[tuple[str, str], Callable[..., str]] = {
    ("logs", "tail"): AwsCli.tail,
    ("s3", "cp"): AwsCli.copy,
    ("s3", "ls"): AwsCli.list_objects,
    ("s3", "mv"): AwsCli.move,
    ("s3", "rm"): AwsCli.remove,
}
"""The commands that the CLI does not derive from a service's model."""


def run_aws(command: str, client: Client) -> str:
    """Run one command, which begins with `aws`, and return what the CLI prints."""
    program, *arguments = shlex.split(command)
    assert program == "aws", command
    return AwsCli(client).text(arguments)


def _options(words: Sequence[str]) -> dict[str, list[str]]:
    """The values by option; words before the first option have the empty name."""
    found: dict[str, list[str]] = {}
    option = ""
    for word in words:
        if word.startswith("--"):
            option = word.removeprefix("--")
            found[option] = []
        else:
            found.setdefault(option, []).append(word)
    return found


def _members(service: str, operation: str) -> dict[str, tuple[str, Any]]:
    """The operation's parameters and their shapes, by the name of the option."""
    model = botocore.session.get_session().get_service_model(service)
    [name] = [each for each in model.operation_names if xform_name(each, "-") == operation]
    shape: Any = model.operation_model(name).input_shape
    members = shape.members if shape else {}
    found = {xform_name(member, "-"): (member, kind) for member, kind in members.items()}
    for (renamed_service, renamed_operation, option), renamed in RENAMED.items():
        if (service, operation) == (renamed_service, renamed_operation):
            found[renamed.removeprefix("--")] = found.pop(option.removeprefix("--"))
    return found


def _parameters(
    given: Mapping[str, Sequence[str]], members: Mapping[str, tuple[str, Any]], service: str, operation: str
) -> dict[str, Any]:
    found = {}
    for option, values in given.items():
        if option.startswith("no-") and option.removeprefix("no-") in members:
            found[members[option.removeprefix("no-")][0]] = False
            continue
        assert option in members, f"aws {service} {operation} has no option --{option}"
        member, kind = members[option]
        found[member] = _value(kind, [_content(value) for value in values])
    return found


def _content(value: str) -> str:
    return Path(value.removeprefix("file://")).read_text(encoding="utf-8") if value.startswith("file://") else value


def _value(kind: Any, values: Sequence[str]) -> Any:  # noqa: ANN401 -- a shape, any value
    if kind.type_name == "boolean":
        assert not values, values
        return True
    if kind.type_name == "list" and not values[0].startswith("["):
        return [_one(kind.member, each) for each in values]
    [value] = values
    return _one(kind, value)


def _one(kind: Any, text: str) -> Any:  # noqa: ANN401 -- a shape, any value
    if kind.type_name in {"structure", "map", "list"}:
        parsed = json.loads(text) if text[0] in "{[" else dict(each.split("=", 1) for each in text.split(","))
        return _typed(kind, parsed)
    return _typed(kind, text)


def _typed(kind: Any, value: Any) -> Any:  # noqa: ANN401, PLR0911 -- a shape, any value
    match kind.type_name:
        case "structure":
            return {name: _typed(kind.members[name], each) for name, each in value.items()}
        case "map":
            return {name: _typed(kind.value, each) for name, each in value.items()}
        case "list":
            return [_typed(kind.member, each) for each in value]
        case "integer" | "long":
            return int(value)
        case "double" | "float":
            return float(value)
        case "boolean":
            return value in {True, "true"}
        case "blob":
            return base64.b64decode(value)
    return value


def _as_text(value: Any) -> str:  # noqa: ANN401 -- any result of a query
    """The CLI's format `text`: one line per list of plain values, separated by tabs."""
    if not isinstance(value, list):
        return json.dumps(value, default=_as_json) if isinstance(value, dict) else str(value)
    if any(isinstance(each, list) for each in value):
        return "\n".join(_as_text(each) for each in value)
    return "\t".join(_as_text(each) for each in value)


def _as_json(value: Any) -> str:  # noqa: ANN401 -- any value that JSON does not know
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _bucket_and_key(url: str) -> tuple[str, str]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key
