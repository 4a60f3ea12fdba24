"""Our stand-in for Amazon Data Firehose, from the event stream to the lake of the local house (docs/adr/0014)."""
