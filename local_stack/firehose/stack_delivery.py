"""The delivery to the lake as template.yaml has it: on the emulator there is none to ask (docs/adr/0014)."""

from local_stack.deploy import read_template
from local_stack.errors import CommandError
from local_stack.firehose.config import DeliveryConfig
from local_stack.firehose.errors import UnsupportedDelivery

LOGICAL_ID = "LakeDelivery"


def deployed_delivery() -> DeliveryConfig:
    """With the parameters' defaults.

    Raises:
        CommandError: the template asks for something that the stand-in does not do.
    """
    template = read_template()
    defaults = {name: parameter.get("Default") for name, parameter in template["Parameters"].items()}
    try:
        return DeliveryConfig.of(template["Resources"][LOGICAL_ID]["Properties"], defaults)
    except UnsupportedDelivery as error:
        raise CommandError(f"{LOGICAL_ID} in template.yaml cannot be run at home: {error}.") from None
