"""The settings of the delivery to the lake, read from template.yaml (docs/adr/0014)."""

from local_stack.deploy import read_template
from local_stack.errors import CommandError
from local_stack.firehose.config import DeliveryConfig
from local_stack.firehose.errors import UnsupportedDelivery

LOGICAL_ID = "LakeDelivery"


def deployed_delivery() -> DeliveryConfig:
    """Read the settings, with the default values of the template's parameters.

    Raises:
        CommandError: the template has a setting that the fake Firehose does not support.
    """
    template = read_template()
    defaults = {name: parameter.get("Default") for name, parameter in template["Parameters"].items()}
    try:
        return DeliveryConfig.of(template["Resources"][LOGICAL_ID]["Properties"], defaults)
    except UnsupportedDelivery as error:
        raise CommandError(f"{LOGICAL_ID} in template.yaml cannot run locally: {error}.") from None
