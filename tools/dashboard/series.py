"""The series that the dashboard draws, by the service that emits them. Pure."""

from collections.abc import Mapping

from tools.dashboard.widgets import Math, Series


def api(name: str, label: str, stat: str = "Sum") -> Series:
    return Series("AWS/ApiGateway", name, ("ApiId", "${HttpApi}"), label, stat)


def function(logical_id: str, name: str, label: str, stat: str = "Sum") -> Series:
    return Series("AWS/Lambda", name, ("FunctionName", f"${{{logical_id}}}"), label, stat)


def mapping(logical_id: str, name: str, label: str) -> Series:
    return Series("AWS/Lambda", name, ("EventSourceMappingUUID", f"${{{logical_id}}}"), label)


def stream(name: str, label: str, stat: str = "Sum") -> Series:
    return Series("AWS/Kinesis", name, ("StreamName", "${DomainEventsStream}"), label, stat)


def delivery(name: str, label: str, stat: str = "Sum") -> Series:
    return Series("AWS/Firehose", name, ("DeliveryStreamName", "${LakeDelivery}"), label, stat)


def state_machine(logical_id: str, name: str, label: str) -> Series:
    return Series("AWS/States", name, ("StateMachineArn", f"${{{logical_id}}}"), label)


def ours(service: str, name: str, label: str, stat: str = "Sum", *, operation: str = "") -> Series:
    """A metric that this project's own code emits."""
    of_operation = ("operation", operation) if operation else ()
    dimensions = ("Stack", "${AWS::StackName}", "service", service, *of_operation)
    return Series("AccountEvents", name, dimensions, label, stat)


def by_operation(name: str, operations: tuple[str, ...], stat: str) -> list[Series]:
    return [ours("account-api", name, operation, stat, operation=operation) for operation in operations]


def polls(logical_id: str) -> Series:
    """The number of polls of a mapping, on the right axis. Empty polls count; a disabled mapping has none."""
    dimensions = ("EventSourceMappingUUID", f"${{{logical_id}}}")
    return Series("AWS/Lambda", "PolledEventCount", dimensions, "polls (right)", "SampleCount", on_right=True)


def failures(of: str) -> list[Series]:
    return [function(of, "Errors", "errors"), function(of, "Throttles", "throttled invocations")]


def mapping_failures(of: str, through: str) -> list[Series]:
    return [
        *failures(of),
        mapping(through, "OnFailureDestinationDeliveredEventCount", "records given up, stored in the failure bucket"),
        mapping(through, "DroppedEventCount", "records lost"),
        function(of, "DestinationDeliveryFailures", "failed writes to the failure bucket"),
    ]


def throttled(label: str, tables: Mapping[str, tuple[str, ...]]) -> list[Series | Math]:
    """The throttled requests to tables and their indexes. DynamoDB emits these metrics only if they are not zero."""
    metrics = [
        Series("AWS/DynamoDB", f"{kind}ThrottleEvents", dimensions, id=f"{prefix}_{kind.lower()}s")
        for prefix, dimensions in tables.items()
        for kind in ("Read", "Write")
    ]
    total = " + ".join(f"FILL({each.id}, 0)" for each in metrics)
    return [*metrics, Math(f"{next(iter(tables))}_throttled", label, total)]


def internal_errors() -> list[Series | Math]:
    """DynamoDB emits this metric for each operation. These are the operations of the alarm LedgerFails."""
    operations = {
        "query": "Query",
        "put": "PutItem",
        "transaction": "TransactWriteItems",
        "batch": "BatchGetItem",
    }
    dimensions = ("TableName", "${AccountsTable}", "Operation")
    metrics = [
        Series("AWS/DynamoDB", "SystemErrors", (*dimensions, operation), id=name)
        for name, operation in operations.items()
    ]
    total = " + ".join(f"FILL({each.id}, 0)" for each in metrics)
    return [*metrics, Math("internal_errors", "accounts table: internal errors", total)]
