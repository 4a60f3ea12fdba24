"""A handler's environment: Lambda's context object, and the death of the execution environment."""

from dataclasses import dataclass

FUNCTION_NAME = "function-under-test"


class Died(BaseException):
    """The execution environment dies during a call. A handler's `except Exception` does not catch this.

    Raise it in your own fake at the point where the environment should die.
    """


@dataclass(frozen=True, slots=True)
class Context:
    """The attributes of Lambda's context that handlers and their libraries read. The remaining time is constant.

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
