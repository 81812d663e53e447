"""The generic mapping: any sender of JSON or forms becomes a source by configuration, without a line of code.

Law: only what the options name is read, and of a message with a canonical name only the fields of that event; every value becomes
what its field takes or the message is refused with the place of the value; a message that the options do not know is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import JSON_LINES, elements_of, form_of, lines_of, value_of
from services.ingest.delivery import Delivery, Translation, WrongContentType
from services.ingest.providers.batches import together
from services.ingest.providers.mapping_fields import FIELDS, Reading, money, read
from services.ingest.providers.mapping_options import HEADERS, MappingOptions, Message, Place, is_own
from services.ingest.providers.provider import Guide, Line, Provider, Sample
from services.ingest.providers.questions import Question, answer
from services.ingest.providers.telling import Outside, identity, told, unnamed
from services.ingest.providers.times import any_time
from services.ingest.providers.values import at_path, email_hash, id_in, is_address

FORM = "application/x-www-form-urlencoded"
_json = msgspec.json.Decoder()
_canonical = msgspec.json.Encoder(order="deterministic")


class One(Struct, frozen=True, kw_only=True):
    """One message with what lies around it.

    `whole` is the body that it is, or is a part of; the body of `delivery` is the bytes that tell it from another without an id.
    `ordinal` is its place among several, None where it came alone.
    """

    message: Any
    whole: Any
    delivery: Delivery
    ordinal: int | None = None

    def at(self, place: Place) -> tuple[bool, Any]:
        """Whether the place is there, and the first value there that says something."""
        is_there, found = False, None
        for one in (place,) if isinstance(place, str) else place:
            here, found = self._at(one)
            is_there |= here
            if found not in (None, ""):
                return True, found
        return is_there, None

    def _at(self, place: str) -> tuple[bool, Any]:
        if ":" not in place and place[0] != "=":
            return _within(self.message, place)
        if place[0] == "=":
            return True, place[1:]
        if place.startswith("header:"):
            found = self.delivery.header(place[7:].lower().encode("latin-1", "replace"))
            return bool(found), found
        return _within(self.whole, place[5:]) if place.startswith("body:") else _within(self.message, place)


def translate(delivery: Delivery, options: MappingOptions) -> Translation:
    """The canonical events of one delivery. Raises Rejected and WrongContentType."""
    whole, parts, original = _messages(delivery, options)
    if parts is None:
        return _said(One(message=whole, whole=whole, delivery=delivery), options)

    def says(place: int, part: Any) -> Translation:
        own = b"%d\0" % place + _canonical.encode(part) if original is None else original(place)
        alone = msgspec.structs.replace(delivery, body=own)
        return _said(One(message=part, whole=whole if original is None else part, delivery=alone, ordinal=place), options)

    return together(parts, says, None if _is_in_headers(options.id) else original)


def _messages(delivery: Delivery, options: MappingOptions) -> tuple[Any, Sequence[Any] | None, Callable[[int], bytes] | None]:
    """The whole body, the messages in it (None: it is one), and where each stands in the bytes (None: only as a part of the whole)."""
    media_type = delivery.media_type
    if media_type.endswith("xml") or media_type.startswith("multipart/"):
        raise WrongContentType("send application/json, JSON Lines or a form (application/x-www-form-urlencoded)")
    if media_type in JSON_LINES:
        values, line = lines_of(delivery.body)
        return None, values, line
    whole = _of_form(delivery.body) if media_type == FORM else value_of(delivery.body)
    if options.each:
        parts = _within(whole, options.each)[1]
        if not isinstance(parts, list):
            raise Rejected(Reason.UNTRANSLATABLE, "there is no list where options.each says", _pointer(options.each))
        return whole, parts, None
    return (whole, whole, elements_of(delivery.body)) if isinstance(whole, list) else (whole, None, None)


def _of_form(body: bytes) -> Any:
    """The fields of a form; of one that holds its JSON in `payload`, that."""
    fields = form_of(body)
    inner = fields.get("payload", "")
    return value_of(inner.encode()) if inner.startswith("{") else fields


def _said(one: One, options: MappingOptions) -> Translation:
    if not isinstance(one.message, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, "a message is an object or a form")
    name, message = _meaning(one, options)
    if message is None:
        return Translation(items=(), ignored=(name,))
    said = _events(one, options, message)
    message_id = _id_of(one, options, message)
    return told(name, message_id, {}, said) if message_id else unnamed(one.delivery, name, {}, said)


def _meaning(one: One, options: MappingOptions) -> tuple[str, Message | None]:
    """The name of a message and what it becomes, by the longest part of the name that is known."""
    places = (options.name,) if isinstance(options.name, str) else options.name
    words: list[str] = []
    for place in places:
        word = id_in(one.at(place)[1]).strip()
        if not word:
            break
        words.append(word)
    if not words:
        raise Rejected(Reason.MISSING_FIELD, "the message has no name where options.name says", _pointer(places[0]))
    for length in range(len(words), 0, -1):
        if (message := options.message(".".join(words[:length]))) is not None:
            return ".".join(words[:length]), message
    return ".".join(words), None


def _id_of(one: One, options: MappingOptions, message: Message) -> str:
    places = [options.id] if isinstance(options.id, str) else list(options.id)
    parts = [one.at(place)[1] for place in places if place]
    if parts and all(id_in(part) for part in parts):
        found = identity(*parts)
        shared = one.ordinal is not None and _is_in_headers(options.id)
        found = f"{found}:{one.ordinal}" if shared else found
    else:
        found = identity(one.at(("id", "data.id"))[1]) if is_own(message) else ""
    return email_hash(found) if is_address(found) else found


def _is_in_headers(place: Place) -> bool:
    return all(one.startswith(("header:", "body:", "=")) for one in ((place,) if isinstance(place, str) else place))


def _events(one: One, options: MappingOptions, message: Message) -> Iterator[Outside]:
    places, reading = options.places(message), options.reading()
    when = message.time or options.time
    at = any_time(one.at(when)[1], _pointer(when), reading.zone)
    for name in message.names:
        yield {"type": name, "occurred_at": at, **_fields(one, name, places, reading, message.question or options.question)}


def _fields(one: One, name: str, places: Mapping[str, Place], reading: Reading, question: Question | None) -> Outside:
    said: Outside = {}
    raw: dict[str, Any] = {}
    for field in FIELDS[name].values():
        if (place := places.get(field.name)) is None:
            continue
        is_there, value = one.at(place)
        if field.kind in ("money", "score"):
            raw[field.name] = value
            continue
        found = None if value is None else read(field, value, reading, _pointer(place))
        if found is not None:
            said[field.name] = found
        elif field.required and field.name not in ("survey_type", "due_at", "answers"):
            raise Rejected(Reason.MISSING_FIELD, f"{name} needs {field.name}, and nothing that can be one stands there", _pointer(place))
        elif is_there and value is None and field.name in _NOBODY.get(name, ()):
            said[field.name] = None
    for amount, value in raw.items():
        if amount != "score":
            found = money(FIELDS[name][amount], value, said.get("currency"), reading, _pointer(places[amount]))
            said |= {} if found is None else {amount: found}
    if name in ("survey.sent", "survey.responded"):
        said.setdefault("survey_type", "post_case")
    if name == "survey.responded" and "answers" not in said:
        said["answers"] = [_answer(question, raw.get("score"), _pointer(places.get("score", "score")))]
    return said


def _answer(question: Question | None, score: Any, pointer: str) -> Outside:
    try:
        found = None if question is None else answer("overall", question, score)
    except Rejected:  # it names an option that this kind has under another name
        found = None
    if found is None:
        wanted = "the score is neither a number on the scale of options.question nor one of its labels"
        raise Rejected(Reason.UNTRANSLATABLE, wanted, pointer)
    return found


_NOBODY: Mapping[str, tuple[str, ...]] = {"ticket.assigned": ("agent_id", "team"), "ticket.sla_due": ("due_at",)}
"""Fields in which nothing means nobody or none, not "not said"."""


def _within(value: Any, path: str) -> tuple[bool, Any]:
    """Whether something stands at a path, and what; a key with dots in it counts first, a text on the way may hold JSON."""
    if isinstance(value, dict) and path in value:
        return True, value[path]
    head, dot, last = path.rpartition(".")
    if not dot or (isinstance(value, dict) and path.partition(".")[0] not in value and "." not in head):
        return False, None
    inner = at_path(value, head)
    if inner is None and "." in head:
        inner = _within(value, head)[1]
    if isinstance(inner, str) and inner[:1] in ("{", "["):
        try:
            inner = _json.decode(inner)
        except (ValueError, RecursionError):
            return False, None
    if isinstance(inner, dict):
        return last in inner, inner.get(last)
    found = at_path(inner, last)
    return found is not None, found


def _pointer(place: Place) -> str:
    first = place if isinstance(place, str) else place[0]
    return "" if first.startswith("=") else "/" + first.removeprefix("body:").replace(".", "/")


def sample(unique: str, now_ms: int) -> Sample:
    """A new ticket, by its canonical name."""
    event = {"type": "ticket.created", "id": f"{unique}-m", "ticket_id": unique, "occurred_at": rfc3339(now_ms), "channel": "email"}
    return Sample(body=msgspec.json.encode(event))


LINES: Mapping[str, Line] = {
    name: Line((name,), "in a body of this template: by its own name, or as `options.messages` says") for name in FIELDS
}
"""Every canonical name; the names of a sender are its own."""
SHOWN = """\
[sources.phones.options]
name = "event"                      # where a message names itself; "header:x-event" reads a header
id = "event_id"                     # the message's own id, where it has one
time = "sent_at"
time_zone = "Europe/Berlin"         # of times that name none
fields = { call_id = "call.id", queue = "call.line" }
[sources.phones.options.messages]
ringing = { becomes = "call.queued", fields = { direction = "call.direction" } }
picked_up = { becomes = "call.answered", fields = { agent_id = "call.agent.id" } }
hung_up = { becomes = ["call.abandoned", "call.ended"], fields = { talk_seconds = "call.talk_ms" } }
[sources.phones.options.words]
direction = { in = "inbound", out = "outbound" }
[sources.phones.options.units]
talk_seconds = "milliseconds"
"""

PROVIDER = Provider(
    kind="mapping",
    title="Any system, by a mapping",
    schemes=("static-header", "basic-auth", "bearer"),
    translate=translate,
    lines=LINES,
    options=MappingOptions,
    headers=("content-type", *HEADERS),
    methods=("POST", "PUT", "PATCH"),
    guide=Guide(
        clicks=(
            "Let the system post its messages to {url}, as JSON, JSON Lines or a form.",
            "Let it show the secret in a header, as HTTP Basic or as a bearer token; if it can do none of these, post to {token_url}.",
            "Send one message, look at it with `deskpulse rejected show`, and say in the options where its values stand.",
            "Replay it: `deskpulse rejected replay`.",
        ),
        secret="A long random text of your own: `openssl rand -hex 32`. For a header of another name write `Header-Name: value`.",
        delivery="As the sender does it. Name the place of its message id, so that a repetition counts once.",
        template=SHOWN,
        notes=(
            "`id` is the id of the message, not that of the ticket or call it is about: two messages of one id count as one.",
            "Without an id the content of the events and their time tell two messages apart.",
            "A system that signs its bodies is told by `scheme` or `signature` of the source.",
            "E-mail addresses and telephone numbers are left out; with `email_hash = true` an id that is one is hashed.",
        ),
    ),
    sample=sample,
)
