"""The errors of a test whose result would be meaningless.

TestingError
├── BadSource    a file or an event is not valid: the message names the file and the line, and what to do
├── BadReplay    the arguments of a replay contradict each other, a requested fault did not happen, or the test could
│                never fail: correct the test
└── NotOnStream  an attached client called an operation that the in-memory Kinesis does not support: use another client

If the handler fails for good, or an assertion about the replay fails, an AssertionError is raised, as in any test.
"""


class TestingError(Exception):
    """Base class of this package's errors, except failed assertions."""

    __test__ = False  # pytest: this is not a class of tests


class BadSource(TestingError):
    """The source is not a valid stream. Correct it: invalid parts are never left out silently."""


class BadReplay(TestingError):
    """The test would not test what it claims to. Correct its arguments."""


class NotOnStream(TestingError):
    """An attached client called another operation than PutRecords or PutRecord, or it is a client for another service.

    Use another client for that: a request of an attached client never reaches a network.
    """
