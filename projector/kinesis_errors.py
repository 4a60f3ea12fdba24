"""The errors that Kinesis returns for `PutRecords`. Only this module decides which of them are permanent.

Source: AWS, "PutRecords" (docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html) and "Common Errors"
(.../CommonErrors.html). There are three kinds:

- `REFUSED`: a record of the call is too large, or a key is invalid; the whole call fails. The same record never
  succeeds. Every event's size and key are checked before it is put (`outgoing`), so only a limit that the code does not
  know can cause this error. The publisher searches for the record, and its account is parked.
- `CONFIGURATION`: a permission, the stream, its KMS key or credentials are missing. The error lasts until an operator
  corrects the configuration: the records are delivered again, their age raises an alarm, and after the last retry they
  are in the failure bucket. A command that only waits for such an error to pass ends at once.
- Everything else is load, a fault of the service or a lost response. It passes by itself: put the records again.
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
