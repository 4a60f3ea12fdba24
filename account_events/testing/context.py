"""What a handler finds around it: Lambda's context object, and the death of its execution environment."""

from dataclasses import dataclass

FUNCTION_NAME = "function-under-test"


class Died(BaseException):
    """The execution environment is gone, in the middle of a call. No `except Exception` of a handler survives it.

    A fake of yours may raise it where the environment is to die.
    """


@dataclass(frozen=True, slots=True)
class Context:
    """As much of it as handlers and their libraries read; its time stands still.

    docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    aws_request_id: str
    remaining_ms: int = 60_000
    function_name: str = FUNCTION_NAME
    function_version: str = "$LATEST"
    invoked_function_arn: str = f"arn:aws:lambda:eu-central-1:000000000000:function:{FUNCTION_NAME}"
    memory_limit_in_mb: str = "512"
    log_group_name: str = f"/aws/lambda/{FUNCTION_NAME}"
    log_stream_name: str = "in-memory"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms
