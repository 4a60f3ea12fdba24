"""The alarms of template.yaml, which exist only on AWS, evaluated on what the local stack emits."""
