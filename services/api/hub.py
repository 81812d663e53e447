"""Room for those who listen to streams: one channel for each distinct set of questions, and a bounded number of both.

Law: there are so many listeners and channels and no more, however many come in the same moment; who has gone makes room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator

from services.api.ports import Figures
from services.api.stream import Channel, Message, Questions, beat

MOST_LISTENERS = 1_000
MOST_CHANNELS = 100


class Full(Exception):
    """No room for another listener."""


class Seat:
    """The room of one listener, from before it is answered until it has gone."""

    def __init__(self, hub: Hub, questions: Questions) -> None:
        self._hub = hub
        self._questions = questions
        self._taken = True

    def messages(self, last_id: str = "") -> AsyncGenerator[Message, None]:
        """What its listener is told."""
        return self._hub.messages(self._questions, last_id)

    def leave(self) -> None:
        """Gives the room back, once."""
        if self._taken:
            self._taken = False
            self._hub.leave(self._questions)


class Hub:
    """The channels that have listeners."""

    def __init__(self, board: Figures) -> None:
        self._board = board
        self._channels: dict[Questions, Channel] = {}
        self._seats: Counter[Questions] = Counter()

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return sum(channel.listeners for channel in self._channels.values())

    def check(self, questions: Questions) -> None:
        """Refuses what could not be told, before an answer has begun. Raises Unanswerable, Full."""
        self._forget()
        channels = self._channels.keys() | self._seats.keys()
        if max(self.listeners, self._seats.total()) >= MOST_LISTENERS or (questions not in channels and len(channels) >= MOST_CHANNELS):
            raise Full
        if questions not in self._channels:
            for query in questions:
                self._board.figures(query)

    def seat(self, questions: Questions) -> Seat:
        """Room for one listener, taken at once: who comes in the same moment finds it taken. Raises Unanswerable, Full."""
        self.check(questions)
        self._seats[questions] += 1
        return Seat(self, questions)

    def leave(self, questions: Questions) -> None:
        """Gives back the room of one listener."""
        self._seats[questions] -= 1
        if self._seats[questions] <= 0:
            del self._seats[questions]

    async def messages(self, questions: Questions, last_id: str = "") -> AsyncGenerator[Message, None]:
        """What one listener is told."""
        channel = self._channels.get(questions)
        if channel is None or channel.over:
            channel = self._channels[questions] = Channel(self._board, questions)
        messages = channel.messages(last_id)
        try:
            async for message in messages:
                yield message
        finally:
            await messages.aclose()
            self._forget()

    def pulse(self) -> str:
        """The heartbeat's text."""
        return beat(self._board)

    def close(self) -> None:
        """Ends every channel."""
        for channel in list(self._channels.values()):
            channel.close()
        self._channels.clear()

    def _forget(self) -> None:
        self._channels = {key: channel for key, channel in self._channels.items() if not channel.over}
