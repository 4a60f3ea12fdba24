"""The delivery stream's settings, from its resource in template.yaml. Pure.

They are read from the template because the delivery stream does not exist on the emulator.

Source of defaults and limits: AWS CloudFormation, AWS::KinesisFirehose::DeliveryStream
ExtendedS3DestinationConfiguration; Amazon Data Firehose API Reference, BufferingHints, ProcessorParameter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_stack.firehose.errors import UnsupportedDelivery

MB = 2**20
PARTITIONS_MAX = 500
"""Partitions active at the same time: Firehose's default quota."""
BUFFER_MB_MIN = 64
"""Smallest delivery buffer with dynamic partitioning or format conversion."""


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """Settings of the deployed delivery stream.

    Attributes:
        transform_bytes, transform_interval_s: limits of the buffer before the function is invoked. The function is
            invoked when the buffer reaches either limit.
        retries: retries of a failed invocation; after the last one, its records count as failed.
        delivery_bytes, delivery_interval_s: limits of a partition's buffer before its object is written, likewise.
        prefix, error_prefix: prefixes of the objects' keys, with Firehose's `!{...}` expressions.
    """

    transform_bytes: int
    transform_interval_s: float
    retries: int
    delivery_bytes: int
    delivery_interval_s: float
    prefix: str
    error_prefix: str

    @classmethod
    def of(cls, properties: Mapping[str, Any], parameters: Mapping[str, Any]) -> "DeliveryConfig":
        """Read the resource's properties, with values of the template's parameters.

        Raises:
            UnsupportedDelivery: a setting is not supported. The message names it.
        """
        _require("DeliveryStreamType", properties.get("DeliveryStreamType"), "KinesisStreamAsSource")
        destination = properties["ExtendedS3DestinationConfiguration"]
        _require("S3BackupMode", destination.get("S3BackupMode", "Disabled"), "Disabled")
        _require("CompressionFormat", destination.get("CompressionFormat", "UNCOMPRESSED"), "UNCOMPRESSED")
        for name in (
            "DynamicPartitioningConfiguration",
            "DataFormatConversionConfiguration",
            "ProcessingConfiguration",
        ):
            _require(f"{name}.Enabled", destination.get(name, {}).get("Enabled"), required=True)
        processors = destination["ProcessingConfiguration"]["Processors"]
        _require("Processors", [processor["Type"] for processor in processors], ["Lambda"])
        lambda_ = {each["ParameterName"]: each["ParameterValue"] for each in processors[0]["Parameters"]}
        hints = {name: _value(value, parameters) for name, value in destination.get("BufferingHints", {}).items()}
        delivery_mb = float(hints.get("SizeInMBs", 128))
        transform_mb = float(lambda_.get("BufferSizeInMBs", 1))
        _within("BufferingHints.SizeInMBs", delivery_mb, BUFFER_MB_MIN, 128)
        _within("BufferSizeInMBs", transform_mb, 0.2, 3)
        return cls(
            transform_bytes=round(transform_mb * MB),
            transform_interval_s=float(lambda_.get("BufferIntervalInSeconds", 60)),
            retries=int(lambda_.get("NumberOfRetries", 3)),
            delivery_bytes=round(delivery_mb * MB),
            delivery_interval_s=float(hints.get("IntervalInSeconds", 300)),
            prefix=destination["Prefix"],
            error_prefix=destination["ErrorOutputPrefix"],
        )


def _value(value: Any, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- of the template
    match value:
        case {"Ref": name}:
            return parameters[name]
        case dict():
            raise UnsupportedDelivery(f"{value} is not supported; only Ref to a parameter is")
    return value


def _require(name: str, value: object, required: object) -> None:
    if value != required:
        raise UnsupportedDelivery(f"{name} must be {required!r} to run locally, not {value!r}")


def _within(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise UnsupportedDelivery(f"{name} must be between {lowest:g} and {highest:g}, not {value:g}")
