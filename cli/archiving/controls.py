"""`controls` in the archive: the newest record of every key, one a line; and back into a topic.

Laws: the file forgets nothing: of one key it holds the record that was written last, though the topic may have lost it. What goes back is
what people decided (boards, policies, calendars), as it was written and from when it held; what a topic says of itself
(generations, audits) stays behind, since it would be said of other topics. A board of which the topic has something that was written
after the archive's newest keeps what it has, and so do all decisions that figures depend on: two histories are never mixed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
from aiokafka import AIOKafkaProducer

from cli.archiving.layout import CONTROLS_FILE
from cli.archiving.store import ArchiveUnusable, Store
from schemas import topics
from services.controls import AUDIT, CALENDAR, GENERATION, POLICY, Control, read_controls
from services.kafka import client_options
from services.settings import Settings, topic

OF_TOPICS = frozenset({GENERATION, AUDIT})
OF_FIGURES = frozenset({POLICY, CALENDAR})
"""What figures depend on: it goes back only before they are counted."""
_control = msgspec.json.Decoder(Control)


async def save_controls(settings: Settings, store: Store) -> int:
    """Bring the file up to date; how many records it holds. Raises ArchiveUnusable, KafkaError."""
    held = await asyncio.to_thread(archived_controls, store)
    found = _newest([*held, *await read_controls(settings)])
    if found != held:
        data = b"".join(msgspec.json.encode(control) + b"\n" for control in found)
        await asyncio.to_thread(store.write_file, CONTROLS_FILE, data)
    return len(found)


async def restore_controls(settings: Settings, store: Store, *, but: frozenset[str] = OF_TOPICS) -> int:
    """Write to the topic what of the archive it lacks, kinds in `but` left out; how many records that were.

    Raises ArchiveUnusable, KafkaError.
    """
    held = [control for control in await asyncio.to_thread(archived_controls, store) if control.kind not in but]
    missing = lacking(held, await read_controls(settings))
    if not missing:
        return 0
    producer = AIOKafkaProducer(**client_options(settings), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        for control in missing:
            await producer.send_and_wait(topic(settings, topics.CONTROLS), msgspec.json.encode(control), key=control.key, partition=0)
    finally:
        await producer.stop()
    return len(missing)


def lacking(held: Iterable[Control], standing: Iterable[Control]) -> list[Control]:
    """What of the archive a topic lacks, of those histories whose newest record there is not newer than the archive's."""
    held, standing = list(held), list(standing)
    archived, there = _last_written(held), _last_written(standing)
    written = {control.key: control.at_ms for control in standing}
    return [
        control
        for control in held
        if there.get(name := _history(control), -1) <= archived[name] and written.get(control.key, -1) < control.at_ms
    ]


def archived_controls(store: Store) -> list[Control]:
    """The records in the archive, by kind, name and instant; none where there is no file. Raises ArchiveUnusable."""
    data = store.read_file(CONTROLS_FILE) or b""
    found = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            found.append(_control.decode(line))
        except msgspec.DecodeError as error:
            raise ArchiveUnusable(f"{store.shown}: {CONTROLS_FILE}: line {number} cannot be read: {error}") from None
    return found


def _newest(controls: Iterable[Control]) -> list[Control]:
    """Of each key the record that was written last; of two that were written in one moment the later in the row."""
    found: dict[bytes, Control] = {}
    for control in controls:
        before = found.get(control.key)
        if before is None or before.at_ms <= control.at_ms:
            found[control.key] = control
    return sorted(found.values(), key=lambda control: (control.kind, control.id, control.valid_from_ms, control.at_ms))


def _last_written(controls: Iterable[Control]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for control in controls:
        name = _history(control)
        found[name] = max(found.get(name, -1), control.at_ms)
    return found


def _history(control: Control) -> tuple[str, str]:
    """What belongs together: all that figures depend on, else one name."""
    return ("of figures", "") if control.kind in OF_FIGURES else (control.kind, control.id)
