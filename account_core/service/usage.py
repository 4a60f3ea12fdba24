"""The cost of a command or a read, in DynamoDB's units."""

from dataclasses import dataclass


@dataclass(slots=True)
class Usage:
    """The cost so far. The store adds to it with each request, so a refused command has a cost, too.

    Attributes:
        requests: requests to DynamoDB, including the SDK's retries.
        read_units: RCU, as `ReturnConsumedCapacity` reports them.
        write_units: WCU. DynamoDB bills a put whose condition fails, but does not report its units, so they are counted
            as documented (docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html).
        conflicts: version conflicts.
        rebuilt: the snapshot among the newest rows could not be used, and the state was rebuilt from earlier rows.
    """

    requests: int = 0
    read_units: float = 0.0
    write_units: float = 0.0
    conflicts: int = 0
    rebuilt: bool = False
