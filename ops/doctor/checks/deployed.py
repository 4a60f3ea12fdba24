"""The stack itself: its status, its resources, its release."""

import json
from collections.abc import Iterator

import account_events
from account_events.avro.codec import CONTRACT
from local_stack.errors import CommandError
from ops.doctor.finding import Finding, Kind
from ops.doctor.stack_view import StackView
from ops.terminal import counted

NOT_DEPLOYED = Kind(
    "stack-not-deployed",
    "Its last deployment failed or is running, so resources may be missing or outdated.",
    "stack-not-deployed",
)
RELEASE_DIFFERS = Kind("release-differs", "Commands of another release may misread the stack.", "release-differs")
SCHEMAS_MISSING = Kind("schemas-missing", "Events with these schemas cannot be framed for Glue.", "release-differs")
RESOURCES_MISSING = Kind("resources-missing", "A part of the system does not exist.", "stack-not-deployed")
DEPLOYED = {"CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}


def check(view: StackView) -> Iterator[Finding]:
    """Checks the stack's status and that it was deployed from this release."""
    if view.status not in DEPLOYED:
        yield NOT_DEPLOYED.at(view.name, f"The stack {view.name} is in the status {view.status}.", view.deploy)
    try:
        release = view.deployment.outputs["Release"]
    except CommandError:
        release = "before 0.2.0"
    if release != account_events.__version__:
        what = f"The stack is of release {release}; this command is of release {account_events.__version__}."
        yield RELEASE_DIFFERS.at(view.name, what, view.deploy)
    if not view.is_local:
        yield from _schemas(view)
    if missing := sorted(view.resources() - view.physical_ids.keys()):
        what = f"The stack lacks resources of the template: {', '.join(missing)}."
        yield RESOURCES_MISSING.at(view.name, what, view.deploy)


def _schemas(view: StackView) -> Iterator[Finding]:
    deployed = json.loads(view.deployment.outputs["SchemaVersions"])
    lacking = [schema for schema in CONTRACT.known.values() if schema.fingerprint.hex() not in deployed]
    if lacking:
        names = ", ".join(sorted({schema.name for schema in lacking}))
        what = f"The stack's schema registry lacks {counted(len(lacking), 'version')} of this release: {names}."
        yield SCHEMAS_MISSING.at(view.name, what, view.deploy)
