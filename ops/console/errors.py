"""The error that ends a request with a reason for the page."""


class Refused(Exception):
    """The request is not answered.

    Attributes:
        status: the HTTP status.
        code: a stable name of the reason.
        message: what is wrong.
        advice: what to do.
    """

    def __init__(self, status: int, code: str, message: str, advice: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.advice = status, code, message, advice

    def as_json(self) -> dict[str, str]:
        """The reason for the page."""
        return {"code": self.code, "message": self.message, "advice": self.advice}
