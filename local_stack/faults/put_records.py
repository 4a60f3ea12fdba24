"""The faults of PutRecords: a throttled shard, refused entries, lost answers. They share one proxy."""

import random
import threading
from collections.abc import Callable, Mapping

from local_stack.address import Address
from local_stack.faults.accounts import newest_rows
from local_stack.faults.catalogue import ACCOUNT, SHARD
from local_stack.faults.interferences import Fault, combined, open_shards, shard_of, throttling
from local_stack.faults.kinesis_proxy import Entries, Interference, KinesisProxy
from local_stack.faults.settings import seed_of, share_of


class PutRecordsFaults:
    """The faults that are on, and the proxy in which they act.

    The server starts with the first fault and stays until `close`: an invocation that is in progress when the last
    fault ends still uses it, and is served correctly.

    Args:
        address: the running local stack.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._proxy: KinesisProxy | None = None
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}

    def add(self, name: str, fault: Fault) -> None:
        """Let a fault act on every request from now on."""
        if self._proxy is None:
            proxy = KinesisProxy(self._address, self._interfere)
            proxy.open()
            self._proxy = proxy
        if not self._faults:
            self._proxy.connect()
        with self._lock:
            self._faults[name] = fault

    def remove(self, name: str) -> None:
        """Let a fault act no more."""
        with self._lock:
            self._faults.pop(name, None)
        if not self._faults and self._proxy is not None:
            self._proxy.disconnect()

    def close(self) -> None:
        """Stop the server. No fault may be on."""
        if self._proxy is not None:
            self._proxy.close()
            self._proxy = None

    def _interfere(self, _number: int, entries: Entries) -> Interference:
        with self._lock:  # the faults' generators are not safe in several threads
            return combined(self._faults.values(), entries)


class _PutRecordsFault:
    def __init__(self, name: str, faults: PutRecordsFaults) -> None:
        self._name, self._faults = name, faults

    def end(self) -> None:
        self._faults.remove(self._name)


class ThrottledShard(_PutRecordsFault):
    """Every entry for one shard is refused."""

    def __init__(self, name: str, faults: PutRecordsFaults, address: Address) -> None:
        super().__init__(name, faults)
        self._address = address

    def begin(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        outputs = self._address.outputs
        pages = (
            self._address.client("kinesis").get_paginator("list_shards").paginate(StreamName=outputs["EventStreamName"])
        )
        shards = open_shards(shard for page in pages for shard in page["Shards"])
        if ACCOUNT in settings:
            newest_rows(self._address, settings[ACCOUNT])  # refuses an account without events
            shard = shard_of(settings[ACCOUNT], int(outputs["Buckets"]), shards)
        else:
            shard = random.Random(seed_of(settings)).choice(shards)  # noqa: S311 -- no secret
        self._faults.add(self._name, throttling(shard))
        return {SHARD: shard["ShardId"]}


class InterferedShare(_PutRecordsFault):
    """A share of the entries or of the answers is affected.

    Args:
        make: makes what acts on the requests, given the share and the seed.
    """

    def __init__(self, name: str, faults: PutRecordsFaults, make: Callable[[float, int], Fault]) -> None:
        super().__init__(name, faults)
        self._make = make

    def begin(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        self._faults.add(self._name, self._make(share_of(settings), seed_of(settings)))
        return {}
