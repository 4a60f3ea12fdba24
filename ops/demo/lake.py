"""The last step of the demo: compares the lake with the ledger and writes the daily report."""

from datetime import UTC, datetime
from pathlib import Path

from local_stack.address import ADDRESS_FILE
from local_stack.local_deployment import LocalDeployment
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.run import run_reconciliation, save_result
from ops.lake.refresh_totals import refresh_totals
from ops.report.origin import ReportOrigin
from ops.report.report_file import write_report

REPORT = "daily-report.html"


def check_lake_and_report(deployment: LocalDeployment, failures: list[str]) -> Path:
    """Writes the daily report and returns its path. Differences between lake and ledger are added to `failures`.

    Args:
        deployment: a local stack whose events have all arrived in the lake.
        failures: the list to which differences are added.
    """
    lake = Lake.of(Deployment.local(deployment.address))
    result = run_reconciliation(lake, grace_s=0)
    save_result(lake, result)
    if not result.agrees or result.on_their_way or not result.events:
        failures.append(
            f"lake and ledger differ: of {result.events} events {result.missing} are missing, {result.extra} extra, "
            f"{result.differing} differ, {result.on_their_way} are on their way"
        )
    is_fresh = refresh_totals(lake)
    ADDRESS_FILE.parent.mkdir(exist_ok=True)
    origin = ReportOrigin("the demo's local stack", datetime.now(UTC).replace(tzinfo=None), totals_are_fresh=is_fresh)
    return write_report(lake, None, ADDRESS_FILE.parent / REPORT, origin)
