"""Lambda's context object, as much of it as handlers and their libraries read."""

from dataclasses import dataclass

FUNCTION_NAME = "function-under-test"


@dataclass(frozen=True, slots=True)
class Context:
    """docs.aws.amazon.com/lambda/latest/dg/python-context.html; its time stands still."""

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
