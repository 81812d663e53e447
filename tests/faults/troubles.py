"""The table of troubles: what breaks, how it is done, and how soon figures must move again.

Law: each trouble is one function of the world and of chance; it returns when the world is whole again, with the seconds until
figures moved and a word on what was seen. What it promises about that is asserted in it; that no number is wrong is the
verdict's to say.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition

from deploy.kafka.embedded import EmbeddedKafka
from schemas import topics
from services.aggregator.checkpoint import group_of
from services.kafka import client_options
from services.settings import topic
from tests.faults.poison import POISON
from tests.faults.whale import TOO_LARGE_AT_LEAST, post_events, whale
from tests.faults.world import World

SESSION_SECONDS = 10.0
"""The session timeout of the workers' group (services.aggregator.app): after so long a silent worker is given up."""
KILL_LIMIT_SECONDS = 15.0
STOP_LIMIT_SECONDS = 5.0


class Outcome(NamedTuple):
    """How long figures stood still, and what was seen."""

    seconds: float
    seen: str


Strike = Callable[[World, Random], Awaitable[Outcome]]


class Trouble(NamedTuple):
    """One kind of trouble. `limit_seconds` is what is promised for figures to move again; None promises only that they do."""

    name: str
    does: str
    strike: Strike
    limit_seconds: float | None = None
    brokers: int = 1
    short: bool = False


async def kill_worker(world: World, rng: Random) -> Outcome:
    """SIGKILL one of the workers; its keeper starts it again, the others take over."""
    name = rng.choice(world.workers)
    began = time.monotonic()
    world.signal(name, signal.SIGKILL)
    return Outcome(await world.figures_move(began), f"{name} killed")


async def kill_all_workers(world: World, rng: Random) -> Outcome:
    """SIGKILL every worker at once."""
    began = time.monotonic()
    for name in world.workers:
        world.signal(name, signal.SIGKILL)
    return Outcome(await world.figures_move(began), f"{len(world.workers)} killed")


async def stop_worker(world: World, rng: Random) -> Outcome:
    """SIGTERM to one worker, which hands its partitions over; then it comes back."""
    name = rng.choice(world.workers)
    began = time.monotonic()
    stopping = asyncio.create_task(world.stop_service(name))
    seconds = await world.figures_move(began)
    code = await stopping
    assert code == 0, f"{name} ended with {code} after SIGTERM"
    world.start_worker(name)
    await world.ready(name)
    return Outcome(seconds, f"{name} stopped with code 0")


async def freeze_worker(world: World, rng: Random) -> Outcome:
    """SIGSTOP past the session timeout: the others take over; SIGCONT: what the zombie still holds must not be written.

    The one that is frozen makes its checkpoints seldom, so that it surely holds something that others have meanwhile done again.
    """
    name = "aggregator-slow"
    world.start_worker(name, checkpoint_ms=3000)
    await world.ready(name)
    await world.figures_move(time.monotonic())
    await asyncio.sleep(rng.uniform(0, 3))
    told = len(world.said)
    began = time.monotonic()
    world.signal(name, signal.SIGSTOP)
    try:
        seconds = await world.figures_move(began)
        await asyncio.sleep(max(0.0, began + SESSION_SECONDS + rng.uniform(1, 4) - time.monotonic()))
    finally:
        world.signal(name, signal.SIGCONT)

    def fenced() -> bool:
        return any(name in line and "with code 75" in line for line in world.said[told:])

    await world.until(fenced, "the zombie finds itself fenced and ends with code 75", 30)
    world.children.kill(name)  # it is not to come back
    world.workers.remove(name)
    return Outcome(seconds, "the zombie was fenced and ended with code 75")


async def rebalances(world: World, rng: Random) -> Outcome:
    """Workers come and go, faster than a rebalance takes."""
    began = time.monotonic()
    for _ in range(4):
        extra = "aggregator-extra"
        world.start_worker(extra)
        await asyncio.sleep(rng.uniform(1.0, 4.0))
        if rng.random() < 0.5:
            await world.stop_service(extra)
        else:
            await asyncio.to_thread(world.children.kill, extra)
        world.workers.remove(extra)
    return Outcome(await world.figures_move(began), "4 workers came and went")


async def kill_ingest(world: World, rng: Random) -> Outcome:
    """SIGKILL ingest while it holds requests: senders hear nothing and post again."""
    began, again = time.monotonic(), world.load.posted_again
    world.signal("ingest", signal.SIGKILL)
    seconds = await world.figures_move(began)
    return Outcome(seconds, f"{world.load.posted_again - again} posted again")


async def kill_api(world: World, rng: Random) -> Outcome:
    """SIGKILL the API: it loads the cells and follows on."""
    began = time.monotonic()
    world.signal("api", signal.SIGKILL)
    return Outcome(await world.figures_move(began), "loaded anew")


async def freeze_api(world: World, rng: Random) -> Outcome:
    """SIGSTOP the API until the differences it would read next are gone; SIGCONT: it must notice and load the cells anew."""
    world.signal("api", signal.SIGSTOP)
    try:
        await asyncio.sleep(1.0)  # what was being fetched when it froze is in its hands
        following = (await world.ends(topics.DIFFERENCES))[0] + 10
        await world.until(lambda: world.differences_begin > following, "differences are trimmed past the frozen board")
    finally:
        began = time.monotonic()
        world.signal("api", signal.SIGCONT)
    return Outcome(await world.figures_move(began), f"woke behind offset {world.differences_begin:,}, the first that is left")


async def _broker_back(world: World, broker: EmbeddedKafka, rng: Random) -> float:
    await asyncio.sleep(rng.uniform(0.5, 3.0))
    await world.start_broker(broker)
    return time.monotonic()


async def stop_broker(world: World, rng: Random) -> Outcome:
    """SIGTERM to a broker, which comes back."""
    broker = rng.choice(world.cluster.brokers)
    await asyncio.to_thread(broker.stop)
    return Outcome(await world.figures_move(await _broker_back(world, broker, rng)), "stopped and started; seconds from its return")


async def kill_broker(world: World, rng: Random) -> Outcome:
    """SIGKILL a broker, which comes back."""
    broker = rng.choice(world.cluster.brokers)
    broker.kill()
    return Outcome(await world.figures_move(await _broker_back(world, broker, rng)), "killed and started; seconds from its return")


async def lose_broker(world: World, rng: Random) -> Outcome:
    """One of three brokers dies: two in-sync replicas are enough, so figures move while it is away."""
    broker = rng.choice(world.cluster.brokers)
    began = time.monotonic()
    broker.kill()
    seconds = await world.figures_move(began)
    await world.start_broker(broker)
    await world.figures_move(time.monotonic())
    return Outcome(seconds, "moved with two brokers")


async def cut_connection(world: World, rng: Random) -> Outcome:
    """Every connection of the services to the broker is cut, and new ones too, for a while."""
    for proxy in world.proxies:
        proxy.cut()
    lasted = rng.uniform(2.0, 8.0)
    await asyncio.sleep(lasted)
    for proxy in world.proxies:
        proxy.mend()
    return Outcome(await world.figures_move(time.monotonic()), f"cut for {lasted:.1f} s; seconds from its end")


async def blink(world: World, rng: Random) -> Outcome:
    """Connections are cut again and again, each time for a moment: requests are lost whose answers were on the way."""
    began = time.monotonic()
    for _ in range(8):
        for proxy in world.proxies:
            proxy.cut()
            proxy.mend()
        await asyncio.sleep(rng.uniform(0.1, 1.0))
    return Outcome(await world.figures_move(began), "cut 8 times")


async def slow_connection(world: World, rng: Random) -> Outcome:
    """Every byte between services and broker takes its time."""
    delay = rng.uniform(0.1, 0.4)
    began = time.monotonic()
    for proxy in world.proxies:
        proxy.delay_seconds = delay
    await asyncio.sleep(rng.uniform(4.0, 8.0))
    seconds = await world.figures_move(began)
    for proxy in world.proxies:
        proxy.mend()
    return Outcome(seconds, f"{delay * 1000:.0f} ms each way")


async def kill_while_compacted(world: World, rng: Random) -> Outcome:
    """The broker's cleaner passes over the state; then a worker is killed and its state loaded from what is left."""
    at = world.compacted()
    await world.until(lambda: world.compacted() > at, "the cleaner passes over events-state")
    outcome = await kill_worker(world, rng)
    return Outcome(outcome.seconds, f"cleaned up to offset {world.compacted():,}")


async def poison(world: World, rng: Random) -> Outcome:
    """Records that are none of ours, straight into `events`: each becomes a dead letter and its offset passes."""
    producer = AIOKafkaProducer(**client_options(world.inside), acks="all", enable_idempotence=True, max_request_size=2**21)
    await producer.start()
    began = time.monotonic()
    try:
        for value, letters in POISON.values():
            partition = rng.randrange(world.settings.kafka.partitions)
            await producer.send_and_wait(topic(world.settings, topics.EVENTS), value, key=b"poison", partition=partition)
            world.poisoned += letters
    finally:
        await producer.stop()
    return Outcome(await world.figures_move(began), f"{len(POISON)} records")


async def oversize(world: World, rng: Random) -> Outcome:
    """A ticket whose attributes would make its state larger than a record may be: the rest of it is refused with a reason."""
    began = time.monotonic()
    await post_events(world, whale(rng))
    world.too_large += TOO_LARGE_AT_LEAST
    return Outcome(await world.figures_move(began), "a ticket of 1.2 MB")


async def move_offsets(world: World, rng: Random) -> Outcome:
    """A worker is killed, and somebody sets the group's offsets to the end: what the state lacks must be read all the same."""
    name = rng.choice(world.workers)
    world.trimming.clear()  # what is committed says nothing of the checkpoints now
    try:
        began = time.monotonic()
        world.signal(name, signal.SIGKILL)
        await asyncio.sleep(rng.uniform(1, 3))
        ends = await world.ends(topics.EVENTS)
        producer = AIOKafkaProducer(**client_options(world.inside), transactional_id=f"{world.settings.kafka.topic_prefix}somebody")
        await producer.start()
        try:
            async with producer.transaction():
                moved = {TopicPartition(topic(world.settings, topics.EVENTS), number): end for number, end in ends.items()}
                await producer.send_offsets_to_transaction(moved, group_of(world.settings))
        finally:
            await producer.stop()
        seconds = await world.figures_move(began)
        await world.figures_move(time.monotonic())
    finally:
        world.trimming.set()
    return Outcome(seconds, "offsets of the group set to the end")


async def refuse_writes(world: World, rng: Random) -> Outcome:
    """The broker's disk takes nothing any more (a limit on the size of its files); the broker ends, and comes back on a larger disk."""
    broker = rng.choice(world.cluster.brokers)
    pid = broker.pid
    assert pid is not None
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
    await world.until(lambda: broker.pid is None, "the broker gives up its disk")
    seconds = await world.figures_move(await _broker_back(world, broker, rng))
    return Outcome(seconds, "every write was refused; the broker ended; seconds from its return")


TROUBLES: tuple[Trouble, ...] = (
    Trouble("worker killed", "SIGKILL of an aggregator", kill_worker, KILL_LIMIT_SECONDS, short=True),
    Trouble("worker stopped", "SIGTERM to an aggregator", stop_worker, STOP_LIMIT_SECONDS, short=True),
    Trouble("all workers killed", "SIGKILL of every aggregator", kill_all_workers, KILL_LIMIT_SECONDS),
    Trouble("zombie", "SIGSTOP of an aggregator past its session, then SIGCONT", freeze_worker, KILL_LIMIT_SECONDS, short=True),
    Trouble("rebalances", "aggregators come and go", rebalances),
    Trouble("ingest killed", "SIGKILL of ingest", kill_ingest, KILL_LIMIT_SECONDS, short=True),
    Trouble("api killed", "SIGKILL of the API", kill_api, KILL_LIMIT_SECONDS, short=True),
    Trouble("api asleep", "SIGSTOP of the API until what it reads next is gone", freeze_api, KILL_LIMIT_SECONDS, short=True),
    Trouble("broker stopped", "SIGTERM to a broker", stop_broker),
    Trouble("broker killed", "SIGKILL of a broker", kill_broker, short=True),
    Trouble("connection cut", "no connection to the broker", cut_connection, short=True),
    Trouble("connection blinks", "connections cut again and again", blink),
    Trouble("connection slow", "latency to the broker", slow_connection),
    Trouble("state compacted", "SIGKILL of an aggregator after the cleaner passed", kill_while_compacted, KILL_LIMIT_SECONDS),
    Trouble("poison", "records that are none of ours in events", poison, short=True),
    Trouble("state too large", "a ticket whose state no record could hold", oversize, short=True),
    Trouble("offsets moved", "the group's offsets set to the end", move_offsets),
    Trouble("disk full", "the broker's disk refuses writes", refuse_writes),
    Trouble("broker lost", "one of three brokers killed", lose_broker, KILL_LIMIT_SECONDS, brokers=3),
    Trouble("cluster blinks", "connections to three brokers cut again and again", blink, brokers=3),
    Trouble("worker killed beside three brokers", "SIGKILL of an aggregator", kill_worker, KILL_LIMIT_SECONDS, brokers=3),
)
