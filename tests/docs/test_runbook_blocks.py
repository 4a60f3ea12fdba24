"""A block of the runbook or of the restore procedures can be pasted as a whole: no command is refused by AWS.

AWS refuses to change a resource that is still being changed. The emulator changes everything at once.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.runbook import preparation, scripts

DOCS = Path(__file__).parents[2] / "docs"
RUNBOOK = (DOCS / "runbook.md").read_text(encoding="utf-8")
CHANGES = {
    ("dynamodb", "restore-table-from-backup"): "--target-table-name",
    ("dynamodb", "restore-table-to-point-in-time"): "--target-table-name",
    ("dynamodb", "update-table"): "--table-name",
    ("kinesis", "create-stream"): "--stream-name",
    ("kinesis", "increase-stream-retention-period"): "--stream-name",
    ("kinesis", "start-stream-encryption"): "--stream-name",
    ("lambda", "update-event-source-mapping"): "--uuid",
    ("lambda", "update-function-configuration"): "--function-name",
}
"""Operations after which the resource accepts no other change for a while, each with the option that names it."""
DELETES = re.compile(
    r"\baws (?:cloudformation delete-stack|dynamodb delete-(?:item|table)|kinesis delete-stream)\b"
    r"|\baws (?:s3 rm|sqs purge-queue)\b"
)
"""Commands that delete data."""
WAITS = re.compile(r"\baws (\w+) wait [\w-]+ (--[\w-]+) (\S+)")


def too_early(block: str) -> list[str]:
    """The commands of a block that change a resource again, without a wait after its last change."""
    busy: set[tuple[str, str]] = set()
    found = []
    for line in re.sub(r" *\\\n *", " ", block).splitlines():
        for service, _, name in WAITS.findall(line.replace("$(id_of ", "$(id_of:")):
            busy.discard((service, name.strip('";')))
        words = shlex.split(line.replace("$(id_of ", "$(id_of:"), comments=True) if line.startswith("aws ") else []
        option = CHANGES.get((words[1], words[2])) if len(words) > 2 else None
        if option is None:
            continue
        resource = (words[1], words[words.index(option) + 1])
        if resource in busy:
            found.append(line)
        busy.add(resource)
    return found


def blocks(document: str) -> Iterator[str]:
    return (each for each in scripts(document, set()) if "\n" in each)


@pytest.mark.parametrize("document", ["runbook.md", "backup.md"])
def test_no_block_changes_a_resource_that_is_still_changing(document: str) -> None:
    found = list(blocks((DOCS / document).read_text(encoding="utf-8")))
    assert len(found) > 10
    assert [line for block in found for line in too_early(block)] == []


UPDATE = 'aws dynamodb update-table --table-name "$(id_of T)" \\\n  --deletion-protection-enabled\n'


@pytest.mark.parametrize(
    ("block", "count"),
    [
        (UPDATE, 0),
        (UPDATE * 2, 1),
        (UPDATE + UPDATE.replace("id_of T", "id_of U"), 0),
        (UPDATE + 'aws dynamodb wait table-exists --table-name "$(id_of T)"\n' + UPDATE, 0),
        (UPDATE + 'until aws dynamodb wait table-exists --table-name "$(id_of T)"; do :; done\n' + UPDATE, 0),
        (UPDATE + 'aws dynamodb wait table-exists --table-name "$(id_of U)"\n' + UPDATE, 1),
    ],
)
def test_a_change_without_a_wait_is_found(block: str, count: int) -> None:
    assert len(too_early(block)) == count


@pytest.mark.parametrize("document", ["runbook.md", "backup.md"])
def test_what_deletes_data_is_a_block_of_its_own(document: str) -> None:
    """What comes before must have succeeded, or have been read, before the data may go."""
    found = [each for each in blocks((DOCS / document).read_text(encoding="utf-8")) if DELETES.search(each)]
    assert found
    assert [block for block in found if re.sub(r" *\\\n *", " ", block).strip().count("\n")] == []


def test_a_test_of_the_topic_waits_until_somebody_has_subscribed() -> None:
    """A subscription by email receives nothing before somebody has opened the link in its first message."""
    assert [block for block in blocks(RUNBOOK) if "sns subscribe" in block and "set-alarm-state" in block] == []


def test_the_preparation_sets_the_region_for_every_program() -> None:
    """The AWS CLI prefers AWS_REGION, which the terminal may have; boto3 reads only AWS_DEFAULT_REGION."""
    ran = subprocess.run(  # noqa: S603 -- the runbook's code
        ["bash", "-c", f'{preparation(RUNBOOK)}\necho "$AWS_REGION $AWS_DEFAULT_REGION"'],  # noqa: S607 -- the operator's shell
        env={"PATH": os.environ["PATH"], "AWS_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    region, default = ran.stdout.split()
    assert region == default != "us-east-1"
