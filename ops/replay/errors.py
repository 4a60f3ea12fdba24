"""Errors that end a replay early, ordered by what the operator must do. Each message is one line with the remedy.

ReplayError
├── InvalidRequest   the selection, the table or the target is not valid: change the command's options
├── NotResumable     the checkpoint is missing, damaged, in use or from another run: nothing was changed
└── Interrupted      the table or the target failed or does not accept events: resume later
"""

from local_stack.errors import CommandError


class ReplayError(CommandError):
    """The base of all errors that a replay raises."""


class InvalidRequest(ReplayError):
    """The selection, the table or the target is not valid."""


class NotResumable(ReplayError):
    """There is no checkpoint that this run can continue from."""


class Interrupted(ReplayError):
    """The run ended before it was complete. Everything up to its checkpoint is durable."""
