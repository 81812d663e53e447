"""Salesforce's outbound messages: SOAP envelopes, read without document types, entities or the session that they carry.

Laws: any bytes become notifications or `Rejected`; a document type is refused before anything in it is read; the text of SessionId,
a live credential, is never taken in, and `without_session` leaves it out of what is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.parsers import expat

from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.providers.provider import Reply

OUTBOUND = "http://soap.sforce.com/2005/09/outbound"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
NOTIFICATIONS_MAX = 1_000
"""Salesforce sends at most 100."""
_FIELDS_MAX = 2_000
_DEPTH_MAX = 24
_TEXT_MAX_CHARS = 10_000
"""Of a longer text only the beginning is held; no id, status, time or amount is as long."""

ACK = Reply(
    200,
    b'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="' + OUTBOUND.encode() + b'"><Ack>true</Ack></notificationsResponse></soapenv:Body></soapenv:Envelope>',
    b"text/xml",
)
"""What Salesforce wants to read; it answers the whole message, and anything else is sent again for a day."""

_SESSION = re.compile(rb"(<(?:[\w.-]+:)?SessionId\b[^>]*(?<!/)>).*?(?=</(?:[\w.-]+:)?SessionId\s*>|\Z)", re.DOTALL)


class Notification(Struct, frozen=True, kw_only=True, gc=False):
    """One record of one message: the type of the object and its fields as text, "" for those without a value."""

    id: str
    object: str
    fields: Mapping[str, str]


class Message(Struct, frozen=True, kw_only=True):
    """One outbound message: whose, by which action, about which records."""

    organization_id: str
    action_id: str
    notifications: list[Notification]


def is_xml(body: bytes) -> bool:
    """Whether a body is meant as XML: nothing of JSON begins with a `<`, and UTF-16 begins with its mark."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" or body[:2] in (b"\xff\xfe", b"\xfe\xff")


def without_session(body: bytes) -> bytes:
    """The body without the text of its SessionId; nothing at all of a body whose letters are not single bytes."""
    return b"" if b"\0" in body else _SESSION.sub(rb"\1", body)


def message_of(body: bytes) -> Message:
    """The message that the bytes hold. Raises Rejected."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(body, True)
    except Rejected:
        raise
    except (expat.ExpatError, ValueError, LookupError):
        raise Rejected(Reason.UNTRANSLATABLE, "the body is no XML that can be read to its end: send the outbound message whole") from None
    if not reader.found:
        raise Rejected(Reason.MISSING_FIELD, "no notification: this is no outbound message of Salesforce", "/Envelope/Body/notifications")
    return Message(organization_id=reader.organization_id, action_id=reader.action_id, notifications=reader.found)


def _refuse_doctype(*_: object) -> None:
    raise Rejected(Reason.UNTRANSLATABLE, "the XML has a document type: an outbound message has none, and none is read")


class _Reader:
    """Takes in a message element by element."""

    def __init__(self) -> None:
        self.organization_id = self.action_id = ""
        self.found: list[Notification] = []
        self._path: list[str] = []
        self._id = self._object = ""
        self._fields: dict[str, str] = {}
        self._said: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """One more level down; deeper or more than any message is refused."""
        self._path.append(name.rpartition("}")[2])
        self._said.clear()
        if len(self._path) > _DEPTH_MAX or len(self.found) >= NOTIFICATIONS_MAX or len(self._fields) > _FIELDS_MAX:
            raise Rejected(Reason.TOO_DEEP, "the message is deeper or longer than an outbound message of Salesforce can be")
        if self._path[-1] == "Notification":
            self._id = self._object = ""
            self._fields = {}
        elif self._path[-1] == "sObject":
            self._object = attributes.get(f"{_INSTANCE}}}type", "").rpartition(":")[2]

    def text(self, said: str) -> None:
        """The text of an element; of the session's there is none."""
        if self._path[-1:] != ["SessionId"] and len(self._said) < 100:
            self._said.append(said[:_TEXT_MAX_CHARS])

    def end(self, name: str) -> None:
        """What the element said, by where it stands."""
        text = "".join(self._said).strip()
        self._said.clear()
        match self._path[-3:]:
            case [_, "notifications", "OrganizationId"]:
                self.organization_id = text
            case [_, "notifications", "ActionId"]:
                self.action_id = text
            case [_, "Notification", "Id"]:
                self._id = text
            case ["Notification", "sObject", field]:
                self._fields[field] = text
            case [_, "notifications", "Notification"]:
                self.found.append(Notification(id=self._id, object=self._object, fields=self._fields))
                self._fields = {}
        self._path.pop()
