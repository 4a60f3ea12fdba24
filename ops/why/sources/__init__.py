"""Where `why` reads: the table, the API's log, the event stream, the read model, the lake and the failure buckets."""
