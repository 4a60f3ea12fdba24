"""Our fake of Amazon Data Firehose, from the event stream to the local lake (docs/adr/0014)."""
