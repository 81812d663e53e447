"""An aggregator with one of its guards switched off, to prove that the suite would see the damage.

Called as `python -m tests.faults.sabotaged --without transaction|fencing|seek`.
Nothing of this can be switched on in the product: it is made here, of the product's own parts, one of them replaced.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import uuid

import uvloop
from aiokafka import AIOKafkaProducer

from schemas import topics
from services.aggregator.app import serve
from services.aggregator.checkpoint import BATCH_BYTES, STATE_OF, Checkpoints
from services.aggregator.overrides import MakeTransport, transport_for
from services.aggregator.shard import Outgoing, Shard
from services.aggregator.worker import MakeCheckpoints
from services.kafka import client_options
from services.settings import Settings, load_settings, topic

GUARDS = ("transaction", "fencing", "seek")
_PAUSE_SECONDS = 0.3
"""Between one topic and the next, as over a slow connection: so that a kill from outside can fall between them."""


class Untransacted(Checkpoints):
    """Writes the state, then the rest, each for itself; everything waits for its acknowledgement, as a careful author would do."""

    async def start(self) -> None:
        """A plain idempotent producer."""
        self._producer = AIOKafkaProducer(
            **client_options(self._settings), enable_idempotence=True, max_batch_size=BATCH_BYTES, max_request_size=8 * BATCH_BYTES
        )
        await self._producer.start()

    async def _commit(self, outgoing: Outgoing, last_offset: int) -> None:
        state = STATE_OF[self.shard.input.topic]
        for name, partition in sorted(outgoing, key=lambda where: where[0] != state):
            await asyncio.gather(*await self._send(topic(self._settings, name), partition, outgoing[name, partition]))
            if self.shard.input.topic == topics.EVENTS:
                await asyncio.sleep(_PAUSE_SECONDS)


def unfenced(settings: Settings, shard: Shard) -> Checkpoints:
    """A transactional id of its own at each start: nobody fences anybody."""
    return Checkpoints(settings, shard, transactional_id=f"{shard.input.name}-{uuid.uuid4().hex}")


def serve_without(settings: Settings, guard: str) -> int:
    """The service with a guard switched off; its exit code."""
    make_checkpoints: MakeCheckpoints = Checkpoints
    make_transport: MakeTransport = transport_for
    if guard == "transaction":
        make_checkpoints = Untransacted
    elif guard == "fencing":
        make_checkpoints = unfenced
    else:
        make_transport = lambda next_offsets: transport_for(dict)  # noqa: E731 - the group's offsets are all it knows
    return uvloop.run(serve(settings, make_checkpoints=make_checkpoints, make_transport=make_transport))


def main() -> int:
    """Serve until a signal, with the settings of the environment."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.sabotaged", description=__doc__)
    parser.add_argument("--without", choices=GUARDS, required=True)
    logging.basicConfig(level=logging.WARNING)
    return serve_without(load_settings(), parser.parse_args().without)


if __name__ == "__main__":
    raise SystemExit(main())
