"""What can end a replay early, ordered by what the operator must do. The message is one line that says it.

ReplayError
├── WrongCall      the selection, the table or the sink cannot be what was meant: call it differently
├── NotResumable   the checkpoint is missing, damaged, in use or another run's: nothing was touched
└── Interrupted    the table or the sink did not answer or does not accept: resume later
"""

from local_stack.errors import CommandError


class ReplayError(CommandError):
    """Anything a replay raises of its own."""


class WrongCall(ReplayError):
    """What was asked for is not possible."""


class NotResumable(ReplayError):
    """There is nothing that this run could go on from."""


class Interrupted(ReplayError):
    """It ended in the middle; what is checkpointed is safe."""
