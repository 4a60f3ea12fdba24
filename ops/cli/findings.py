"""How commands print findings: on stderr, each with its repair and its runbook entry."""

from collections.abc import Iterable

from rich.markup import escape

from local_stack.address import Address
from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from ops.doctor.finding import Finding
from ops.terminal import err, print_error

BY_CAUSE = "it depends on the cause; the runbook entry has the steps for each"


def print_finding(finding: Finding) -> None:
    """Prints a finding. One without a runbook entry needs no repair."""
    print_error(f"{finding.kind}: {finding.what}")
    lines = {"Why it matters": finding.why}
    if finding.repair:
        lines["Repair"] = finding.repair
    if finding.look and not finding.repair:
        lines["Look"] = finding.look
    if not finding.repair and finding.runbook:
        lines["Repair"] = BY_CAUSE
    if finding.runbook:
        lines["Runbook"] = f"docs/runbook.md#{finding.runbook}"
    for label, text in lines.items():
        err.print(f"  {label}: {escape(text)}", highlight=False, soft_wrap=True, emoji=False)


def print_aws_settings(findings: Iterable[Finding], address: Address | None) -> None:
    """Prints how the AWS CLI reaches the local stack, if a finding names one of its commands."""
    if address is not None and any((finding.repair or finding.look).startswith("aws ") for finding in findings):
        err.print(
            "Commands that begin with aws need the AWS CLI and, for the local stack, these settings:\n"
            f"  export AWS_ENDPOINT_URL={address.endpoint_url} AWS_DEFAULT_REGION={REGION} "
            f"AWS_ACCESS_KEY_ID={ROOT_ACCESS_KEY_ID} AWS_SECRET_ACCESS_KEY={ROOT_SECRET_ACCESS_KEY}",
            highlight=False,
            soft_wrap=True,
        )
