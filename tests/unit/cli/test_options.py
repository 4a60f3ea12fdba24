"""An option that several commands share is declared alike in all of them."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import typer.main

from ops.cli.app import app

STACK = (
    "Name of a CloudFormation stack on AWS, reached with your AWS credentials. Omit it to use the running local stack."
)


def options(command: Any) -> Iterator[Any]:  # noqa: ANN401 -- of the click that typer brings along
    for sub in getattr(command, "commands", {}).values():
        yield from options(sub)
    yield from (each for each in command.params if each.param_type_name == "option")


def test_every_command_declares_the_stack_alike() -> None:
    stacks = [each for each in options(typer.main.get_command(app)) if each.name == "stack"]
    assert len(stacks) > 10
    assert {(each.help, each.default) for each in stacks} == {(STACK, None)}


def test_the_default_read_rate_is_the_same_everywhere() -> None:
    rates: dict[object, set[str]] = defaultdict(set)
    for each in options(typer.main.get_command(app)):
        if each.name == "read_units_max":
            rates[each.default].add(each.help or "")
    assert rates.keys() == {500.0, None}  # None: as many as it takes locally, and 500 on AWS
    assert len(rates[500.0]) == 1
    assert all("500 on AWS" in text for text in rates[None])
