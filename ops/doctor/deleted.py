"""Resources that were deleted outside CloudFormation, which still lists them."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

from botocore.exceptions import ClientError

from ops.doctor.finding import Finding, Kind
from ops.doctor.stack_view import StackView

DELETED = Kind("resource-deleted", "A part of the system does not exist.", "undo-a-change-made-by-hand")
NOT_FOUND = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "NoSuchEntity",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
}
"""Error codes of the services for a resource that does not exist."""


def found(request: Callable[[], Any], not_found: AbstractSet[str] = NOT_FOUND) -> Any:  # noqa: ANN401 -- any response
    """The response, or None if the resource does not exist: the error has one of these codes."""
    try:
        return request()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in not_found:
            return None
        raise


def deleted(view: StackView, name: str) -> Finding:
    """The finding for a resource that does not exist."""
    what = f"{name} ({view.physical_ids[name]}) was deleted outside CloudFormation."
    return DELETED.at(name, what, view.undo)
