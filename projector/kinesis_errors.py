"""Kinesis' errors to `PutRecords`: the one place that decides which of them can pass.

Source: AWS, "PutRecords" (docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html) and "Common Errors"
(.../CommonErrors.html). There are three kinds:

- `REFUSED`: a record of the call is too large, or a key is invalid; the whole call fails. The same record never
  succeeds. Every event is checked for size and key before it is put (`outgoing`), so this takes a limit that is not
  known here; the publisher looks for the record, and its account is parked.
- `CONFIGURATION`: a permission, the stream, its key at KMS or credentials are missing. It passes once an operator
  repairs it, so the records are delivered again, their age raises an alarm, and after the last retry they are in the
  failure bucket. A command that waits for nothing but that ends at once.
- Everything else, which is load, faults of the service and lost answers, passes by itself: put it again.
"""

REFUSED = frozenset(
    {"InvalidArgumentException", "ParamValidationError", "SerializationException", "ValidationException"}
)
CONFIGURATION = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "KMSOptInRequired",
        "MissingAuthenticationTokenException",
        "NoCredentialsError",
        "NoRegionError",
        "OptInRequired",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
    }
)
