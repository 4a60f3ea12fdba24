"""Invoke the function, and write discarded records to the on-failure destination."""

import json
from collections.abc import Callable, Sequence

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from account_events.lambda_mapping.config import MappingConfig
from account_events.lambda_mapping.destination import invocation_record, object_key
from account_events.lambda_mapping.outcome import Invoked, NotInvoked
from account_events.lambda_mapping.records import StreamRecord, encoded, lambda_event
from account_events.lambda_mapping.shard import Discard
from local_stack.event_source_mapping.clients import MappingClients


class Delivery:
    """Carries out the actions of a mapping's shards."""

    def __init__(self, clients: MappingClients, config: MappingConfig, *, new_uuid: Callable[[], str]) -> None:
        self._clients = clients
        self._config = config
        self._new_uuid = new_uuid

    def invoke(self, records: Sequence[StreamRecord]) -> Invoked | NotInvoked:
        """Invoke the function once, synchronously.

        If Lambda refuses the call (a throttle, a missing function) or the connection breaks, it returns `NotInvoked`. A
        read timeout counts as a failed invocation, because the function may have run; AWS has no such case. None of
        these cases raises an error.
        """
        try:
            response = self._clients.functions.invoke(
                FunctionName=self._config.function_arn,
                InvocationType="RequestResponse",
                Payload=encoded(lambda_event(records)),
            )
            body = response["Payload"].read()
        except ReadTimeoutError as error:
            return Invoked(result=str(error), function_error="Unhandled", status_code=504)
        except (ClientError, BotoCoreError) as error:
            return NotInvoked(_reason(error))
        return Invoked(
            result=_decoded(body),
            function_error=response.get("FunctionError"),
            request_id=response["ResponseMetadata"].get("RequestId", ""),
            status_code=response["StatusCode"],
            executed_version=response.get("ExecutedVersion", "$LATEST"),
        )

    def discard(self, shard_id: str, discard: Discard, now_s: float) -> str | None:
        """Write one discarded batch to the destination and return its URL; None if the mapping has no destination.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: the destination did not accept it. Try again later.
        """
        arn = self._config.on_failure_arn
        if arn is None:
            return None
        with_payload = self._config.destination_service == "s3"
        body = encoded(invocation_record(self._config, shard_id, discard, now_s=now_s, with_payload=with_payload))
        account_id, name = arn.split(":")[4:6]
        if with_payload:
            key = object_key(self._config.uuid, shard_id, now_s=now_s, object_uuid=self._new_uuid())
            self._clients.s3.put_object(Bucket=name, Key=key, Body=body, ContentType="application/json")
            return f"s3://{name}/{key}"
        url = self._clients.sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account_id)["QueueUrl"]
        self._clients.sqs.send_message(QueueUrl=url, MessageBody=body.decode())
        return url


def _reason(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        return f"{error.response['Error']['Code']}: {error.response['Error'].get('Message', '')}"
    return f"{type(error).__name__}: {error}"


def _decoded(body: bytes) -> object:
    """Decode the function's result. Bytes that are not JSON become text, which is never a valid response."""
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
