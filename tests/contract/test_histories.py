"""Instances with caches use one account concurrently, on every store but moto: every history is linearizable."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

from account_core.service.head_cache import HeadCache
from account_core.service.ports import AccountStore
from account_core.service.service import AccountService
from tests.support.histories import FaultyStore, Play
from tests.support.seeds import play_each, seeds_of

SEEDS = seeds_of("histories", 10)
INSTANCES, CLIENTS_EACH, REQUESTS = 4, 2, 5


def test_concurrent_histories_are_linearizable(concurrent_store: AccountStore) -> None:
    """The seed determines the requests and the lost answers; the threads' timing is not controlled."""
    play_each(lambda seed: play(concurrent_store, seed), "histories", SEEDS)


def play(store: AccountStore, seed: int) -> None:
    played = Play(seed, f"account-{seed}")

    def instance() -> Callable[[Random], AccountService]:
        heads = HeadCache(generation_max=2)
        return lambda faults: AccountService(FaultyStore(store, faults, played.late), heads)

    clients = played.clients([instance() for _ in range(INSTANCES)], CLIENTS_EACH)
    with ThreadPoolExecutor(len(clients)) as pool:
        for finished in [pool.submit(client.run, REQUESTS) for client in clients]:
            finished.result()
    played.check(store)
