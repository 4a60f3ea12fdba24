"""Commands of the AWS CLI in the documents can be called: each operation, option, value and query exists."""

from pathlib import Path

import pytest

from tests.support.aws_commands import commands_in, fault_in
from tests.support.runbook import code

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]


def commands(text: str) -> list[str]:
    """Complete commands; prose may name an operation without its options."""
    return [command for line in code(text) for command in commands_in(line) if " --" in command]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_aws_command_can_be_called(path: Path) -> None:
    found = {command: fault_in(command) for command in commands(path.read_text(encoding="utf-8"))}
    assert {command: fault for command, fault in found.items() if fault} == {}


def test_the_commands_of_the_runbook_are_found() -> None:
    found = commands((ROOT / "docs/runbook.md").read_text(encoding="utf-8"))
    assert len(found) > 80
    assert any(each.startswith("aws cloudformation describe-stacks") and "UsePreviousValue" in each for each in found)


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("aws lambda get-event-source-mapping --uuid X", None),
        ("aws lamda get-event-source-mapping --uuid X", "no service lamda"),
        ("aws lambda get-mapping --uuid X", "no operation get-mapping of lambda"),
        ("aws lambda get-event-source-mapping --id X", "no option --id"),
        ("aws lambda get-event-source-mapping --query State", "--uuid is missing"),
        (
            "aws lambda get-event-source-mapping --uuid X --query '[State, Status]'",
            "EventSourceMappingConfiguration has no Status",
        ),
        ("aws cloudformation describe-stacks --query Stacks[0].Outputs[].[OutputKey]", None),
        ("aws cloudformation describe-stacks --query Stacks[0].Outputs[].[Key]", "Output has no Key"),
        ("aws cloudformation describe-stacks --query Stacks[?Name=='x'].StackId", "Stack has no Name"),
        (
            "aws cloudwatch describe-alarms --query '[CompositeAlarms, MetricAlarms][].[State]'",
            "CompositeAlarm has no State",
        ),
        ("aws lambda update-event-source-mapping --uuid X --no-enabled", None),
        ("aws lambda update-event-source-mapping --uuid X --no-batch-size", "no option --no-batch-size"),
        ("aws cloudwatch describe-alarms --state-value BAD", "--state-value has no value BAD"),
        ("aws cloudwatch describe-alarms --alarm-types MetricAlarm Metric", "--alarm-types has no value Metric"),
        ("aws sns subscribe --topic-arn X --protocol email --notification-endpoint Y", None),
        ("aws sns subscribe --topic-arn X --protocol email --endpoint Y", "no option --endpoint"),
        ("aws cloudformation wait stack-update-complete --stack-name X", None),
        ("aws cloudformation wait stack-updated --stack-name X", "no waiter stack-updated"),
        ("aws logs tail X --since 1h", None),
        ("aws logs tail X --from 1h", "no option --from"),
    ],
)
def test_a_wrong_aws_command_is_found(command: str, fault: str | None) -> None:
    assert fault_in(command) == fault


def test_commands_within_commands_are_found() -> None:
    line = """aws a b --c "$(aws d e --f "$(id_of G)" --query "H[].join('', [I])")" > file | aws j k --l"""
    assert commands_in(line) == [
        'aws a b --c "$SUBSTITUTED"',
        "aws j k --l",
        """aws d e --f "$SUBSTITUTED" --query "H[].join('', [I])\"""",
    ]
