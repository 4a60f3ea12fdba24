"""The dashboard of template.yaml: the path of an event, from the request to the reconciled lake."""
