"""The stages of an event's path, in the order in which the dashboard shows them. Pure."""

from tools.dashboard.lake_stages import LAKE, RECONCILIATION
from tools.dashboard.ledger_stages import API, LEDGER, PROJECTOR
from tools.dashboard.stream_stages import OWNERS, STREAM

INTRODUCTION = (
    "# ${AWS::StackName}: the path of an event\n"
    "Read it row by row, from left to right. A line at a threshold is named like the alarm that it raises. "
    "`docs/runbook.md` has an entry for each alarm, with the commands that repair it."
)

STAGES = (API, LEDGER, PROJECTOR, STREAM, OWNERS, LAKE, RECONCILIATION)
