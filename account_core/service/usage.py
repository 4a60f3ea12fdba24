"""What a command or a read has cost, in DynamoDB's own units; filled in by the store on the way."""

from dataclasses import dataclass


@dataclass(slots=True)
class Usage:
    """A receipt that is written while the work goes on, so that it also tells what a refusal cost.

    Attributes:
        requests: to DynamoDB, with the SDK's own retries.
        read_units: RCU, as `ReturnConsumedCapacity` reports them.
        write_units: WCU. A put whose condition fails is billed and not reported: it counts what AWS says it costs
            (docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html).
        conflicts: lost races.
        rebuilt: whether no snapshot could be used, so that the state was rebuilt from more than ten rows.
    """

    requests: int = 0
    read_units: float = 0.0
    write_units: float = 0.0
    conflicts: int = 0
    rebuilt: bool = False
