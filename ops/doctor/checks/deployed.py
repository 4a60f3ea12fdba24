"""The stack itself: its status, its outputs, its release."""

from collections.abc import Iterator

import account_events
from local_stack.errors import CommandError
from ops.doctor.finding import Finding
from ops.doctor.stack_view import StackView

HEALTHY = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}


def check(view: StackView) -> Iterator[Finding]:
    """Checks the stack's status and that it was deployed from this release."""
    if view.status not in HEALTHY:
        yield Finding(
            *("stack-not-deployed", view.name, f"The stack {view.name} is in the status {view.status}."),
            "Its last deployment failed or is running, so resources may be missing or outdated.",
            *("sam deploy", "stack-not-deployed"),
        )
    release = _release(view)
    if release != account_events.__version__:
        yield Finding(
            *("release-differs", view.name),
            f"The stack was deployed from release {release or 'unknown'}; this command is of release "
            f"{account_events.__version__}.",
            "Commands of another release may misread the stack.",
            *("sam build && sam deploy", "release-differs"),
        )
    missing = sorted(
        name
        for kind in {resource["Type"] for resource in view.template["Resources"].values()}
        for name in view.of_type(kind)
        if name not in view.physical_ids
    )
    if missing:
        yield Finding(
            *("resources-missing", view.name, f"The stack lacks resources of the template: {', '.join(missing)}."),
            *("A part of the system does not exist.", "sam build && sam deploy", "release-differs"),
        )


def _release(view: StackView) -> str:
    try:
        return view.deployment.outputs["Release"]
    except CommandError:
        return ""
