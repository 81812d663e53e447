"""What a source of the generic mapping may set, checked at the start: every name that is wrong is told with the one that is near.

A *place* says where a value stands: a path with dots (`ticket.tags.0`; texts that hold JSON are looked into), `header:x-event`,
`=a constant`, or with `each` a path of the whole body (`body:sent_at`). Of several places the first that says something counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from msgspec import Struct

from schemas.rejections import Rejected
from services.ingest.providers.mapping_fields import EVERY_FIELD, FIELDS, Field, Reading, nearest, read
from services.ingest.providers.questions import Question
from services.ingest.providers.times import zone_of

Place = str | tuple[str, ...]

HEADERS = (
    "x-event", "x-event-id", "x-event-key", "x-event-name", "x-event-type", "x-topic", "x-webhook-event", "x-webhook-id", "x-webhook-topic",
    "x-delivery-id", "x-request-id", "x-message-id", "x-github-event", "x-github-delivery", "x-gitlab-event", "x-gitlab-event-uuid",
    "x-gitea-event", "x-gitea-delivery", "webhook-id",
)  # fmt: skip
"""The headers that a mapping may name: they are kept with what is rejected, so none of them may be one that proves a sender."""
FACTORS: Mapping[str, float] = {"milliseconds": 0.001, "seconds": 1, "minutes": 60, "hours": 3600}
_LEFT_OUT = frozenset({"survey_type", "due_at", "answers"})
"""Required fields that need no place: they have a default, may be null, or are made of `score`."""
_WORDS = re.compile(r"[^0-9a-z]+")


class Message(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What messages of one name become: one canonical name, several, or none; `fields` are the places of their fields.

    `time` is where these messages say when it happened, "" where all do; `question` says on which scale `score` is, where an
    answered survey is told by a score alone.
    """

    becomes: str | tuple[str, ...]
    fields: Mapping[str, Place] = {}
    time: Place = ""
    question: Question | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The canonical names."""
        return (self.becomes,) if isinstance(self.becomes, str) else self.becomes


class MappingOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a sender's bodies hold what, and what its messages mean.

    `name` is the place of a message's name; of several all are joined by dots, and `issues.opened` is looked up before `issues`.
    `id` is the place of the message's own id (not that of the ticket it is about: two messages of one id are one); of several all
    together make it; "" says that there is none. `time` is when it happened, in `time_zone` where it names no zone. `each` is the
    path of a list that holds one message an element. `messages` says what the sender's names become; a canonical name needs no
    entry, its fields are then looked for under their own names, at the top or in `data`. `fields` hold for every message.
    `words` translates the sender's words by field. `major` are amounts in major units (12.34), `units` the units of durations
    that are not in seconds. `question` is the scale of `score`. With `email_hash` an address or a telephone number where an id
    is wanted is hashed, else it is left out.
    """

    name: Place = "type"
    id: Place = ""
    time: Place = ("occurred_at", "data.occurred_at", "timestamp")
    time_zone: str = "UTC"
    each: str = ""
    messages: Mapping[str, Message] = {}
    fields: Mapping[str, Place] = {}
    words: Mapping[str, Mapping[str, str]] = {}
    major: tuple[str, ...] = ()
    units: Mapping[str, Literal["milliseconds", "seconds", "minutes", "hours"]] = {}
    question: Question | None = None
    email_hash: bool = False

    known: ClassVar[Mapping[str, Message]] = {}
    """Messages that the kind knows; a source's own go first."""
    known_fields: ClassVar[Mapping[str, Place]] = {}
    """Places that the kind knows, for all of its own messages."""

    def __post_init__(self) -> None:
        zone_of(self.time_zone)
        for where, place in (("name", self.name), ("id", self.id or "=x"), ("time", self.time)):
            _check_place(where, place)
        if self.each.startswith(("=", "header:", "body:")):
            raise ValueError("each: the path of a list in the body, such as events or data.items")
        for field, place in self.fields.items():
            _check_field(f"fields.{field}", field, EVERY_FIELD)
            _check_place(f"fields.{field}", place)
        for name, message in self.messages.items():
            self._check_message(name, message)
        for field in (*self.words, *self.major, *self.units):
            _check_field("words, major and units", field, EVERY_FIELD)
        if wrong := [field for field in self.major if not field.endswith("_minor")]:
            raise ValueError(f"major: {wrong[0]} is no amount; amounts end in _minor")
        if wrong := [field for field in self.units if not field.endswith("seconds")]:
            raise ValueError(f"units: {wrong[0]} is no duration; durations end in seconds")
        for field, words in self.words.items():
            for word in words.values():
                _check_word(f"words.{field}", field, word)

    def _check_message(self, called: str, message: Message) -> None:
        where = f"messages.{called}"
        _check_place(f"{where}.time", message.time or "=x")
        for becomes in message.names:
            if becomes not in FIELDS:
                raise ValueError(f"{where}.becomes: there is no event {becomes[:80]}{nearest(becomes[:80], FIELDS)}")
        allowed = frozenset(field for becomes in message.names for field in FIELDS[becomes])
        for field, place in message.fields.items():
            _check_field(f"{where}.fields.{field}", field, allowed)
            _check_place(f"{where}.fields.{field}", place)
        places = self.places(message)
        for becomes in message.names:
            for name, of in FIELDS[becomes].items():
                if of.required and name not in places and name not in _LEFT_OUT:
                    raise ValueError(f"{where}.fields: {becomes} needs {name}: say where it stands")
                for constant in (each[1:] for each in _several(places.get(name, ())) if each.startswith("=")):
                    _check_word(f"{where}.fields.{name}", name, constant, becomes)
            self._check_neighbours(where, becomes, message, places)

    def _check_neighbours(self, where: str, becomes: str, message: Message, places: Mapping[str, Place]) -> None:
        if becomes == "ticket.assigned" and not {"agent_id", "team"} & set(places):
            raise ValueError(f"{where}.fields: ticket.assigned needs agent_id or team: say where it stands")
        if becomes == "survey.responded" and "answers" not in places:
            if "score" not in places:
                raise ValueError(f"{where}.fields: survey.responded needs score (with a question) or answers: say where it stands")
            if message.question is None and self.question is None:
                raise ValueError(f'{where}.question: say what score asks for, such as {{ metric = "csat" }}')
        amounts = [field for field in self.major if field in places and field in FIELDS[becomes]]
        if amounts and "currency" not in places:
            raise ValueError(f"{where}.fields: {amounts[0]} in major units needs currency: say where it stands, or a constant such as =EUR")

    def message(self, name: str) -> Message | None:
        """What messages of this name become; case and punctuation do not count where no entry has the very name. None: not known."""
        found = self.messages.get(name) or _alike(self.messages, name)
        if found is None and name in FIELDS:
            return OWN_NAMES[name]
        return found or _alike(self.known, name)

    def places(self, message: Message) -> Mapping[str, Place]:
        """The places of all fields that a message of this kind may have; a canonical name's own come after what is configured."""
        general = {**self.known_fields, **self.fields}
        if not is_own(message):
            return {**general, **message.fields}
        if not general:
            return message.fields
        return {field: (*_several(general.get(field, ())), *_several(own)) for field, own in message.fields.items()}

    def reading(self) -> Reading:
        """How values are read."""
        return Reading(
            zone=zone_of(self.time_zone),
            words=self.words,
            factors={field: FACTORS[unit] for field, unit in self.units.items()},
            major=self.major,
            hashes_addresses=self.email_hash,
        )


OWN_NAMES: Mapping[str, Message] = {
    name: Message(becomes=name, fields={field: (field, f"data.{field}") for field in fields}) for name, fields in FIELDS.items()
}
"""What a message with a canonical name becomes: itself, with the fields that it holds under their own names."""


def is_own(message: Message) -> bool:
    """Whether it is what a canonical name becomes without an entry: then the body is an event of ours, and so is its id."""
    return bool(message.names) and message is OWN_NAMES.get(message.names[0])


def _several(place: Place) -> tuple[str, ...]:
    return (place,) if isinstance(place, str) else place


def _alike(messages: Mapping[str, Message], name: str) -> Message | None:
    if not messages:
        return None
    plain = plain_words(name)
    return next((message for key, message in messages.items() if plain_words(key) == plain), None)


def plain_words(name: str) -> str:
    """A name as words in lower case: `Inbound_Call.Ends` is `inbound call ends`."""
    return _WORDS.sub(" ", name[:200].lower()).strip()


def _check_field(where: str, field: str, known: frozenset[str]) -> None:
    if field not in known:
        raise ValueError(f"{where}: no event here has the field {field[:80]}{nearest(field[:80], known)}")


def _check_place(where: str, place: Place) -> None:
    for one in _several(place):
        if not one.strip() or not one.removeprefix("body:"):
            raise ValueError(f'{where}: name a path such as "ticket.id", a header such as "header:x-event", or a constant such as "=phone"')
        header = one.removeprefix("header:")
        if header != one and header.lower() not in HEADERS:
            raise ValueError(f"{where}: the header {header[:80]} is not kept, so it cannot be read; these are: {', '.join(HEADERS)}")


def _check_word(where: str, field: str, word: Any, becomes: str | None = None) -> None:
    of: list[Field] = [fields[field] for name, fields in FIELDS.items() if field in fields and becomes in (None, name)]
    reading = Reading(zone=zone_of("UTC"), words={}, factors={}, major=(), hashes_addresses=True)
    problems = []
    for one in of:
        try:
            read(one, word, reading, "")
            return
        except Rejected as rejected:
            problems.append(rejected.detail)
    raise ValueError(f"{where}: {problems[0].partition(':')[0]}")
