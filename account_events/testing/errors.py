"""What can be wrong with a replay before anything is proven by it.

TestingError
├── BadSource    a file, or an event, is not what it is taken for: the message names the file and the line
├── BadReplay    the replay's own arguments contradict each other, what they order never happened, or nothing could
│                fail: correct the test
└── NotOnStream  an attached client was asked for something the Kinesis in memory does not do

What a handler does wrong is an AssertionError, as in any test.
"""


class TestingError(Exception):
    """Anything raised here that is not a failed assertion."""

    __test__ = False  # pytest: this is not a class of tests


class BadSource(TestingError):
    """No stream can be made of this. Nothing is left out to make one all the same."""


class BadReplay(TestingError):
    """The test would not test what it claims to."""


class NotOnStream(TestingError):
    """Only PutRecords and PutRecord are answered; nothing else may leave for a network."""
