"""Signatures over form fields: Twilio signs the address and the sorted fields, Qualtrics the decoded text of one of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, parse_qsl, urlencode

import msgspec

from services.ingest.delivery import Delivery
from services.ingest.signatures.hashes import as_text
from services.ingest.signatures.scheme import full_url

FIELDS_MAX = 1000
_FORM = "application/x-www-form-urlencoded"
_PORT = re.compile(rb"^(https?://(?:[^/?#@]*@)?(?:\[[^\]]*\]|[^/?#:]*)):(\d+)")
_NO_PORT = re.compile(rb"^(https?://(?:[^/?#@]*@)?(?:\[[^\]]*\]|[^/?#:]*))")


def fields_of(body: bytes) -> dict[str, list[str]]:
    """The fields of a form, blank values kept; {} for what is no form or holds more than 1,000 fields."""
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        return {}


class Twilio:
    """HMAC-SHA1 in base64 of the address and, of a form, each name with its values in order and once; JSON has its hash in the query.

    The address is tried with and without its port, because either is signed.
    https://github.com/twilio/twilio-python twilio/request_validator.py
    """

    about = "`X-Twilio-Signature: <base64>`, HMAC-SHA-1 of the address and the sorted form fields (of JSON: `bodySHA256` in the query)"
    is_timed = False
    takes_tokens = False
    _header = b"x-twilio-signature"

    def __init__(self) -> None:
        self.key = as_text

    def accepts(self, delivery: Delivery, keys: Sequence[bytes], url: str) -> bool:
        """Whether one of the account's tokens signed the address and the fields."""
        given = delivery.headers.get(self._header)
        if not given:
            return False
        signed = self._body_part(delivery)
        if signed is None:
            return False
        accepted = False
        for address in _with_and_without_port(full_url(url, delivery.query)):
            for key in keys:
                accepted |= hmac.compare_digest(given, base64.b64encode(hmac.digest(key, address + signed, "sha1")))
        return accepted

    def signed(self, delivery: Delivery, secret: str, url: str) -> Delivery:
        """The delivery with its signature, and the hash of a JSON body in its query."""
        if delivery.media_type != _FORM and b"bodySHA256=" not in delivery.query:
            joined = (
                delivery.query + (b"&" if delivery.query else b"") + b"bodySHA256=" + hashlib.sha256(delivery.body).hexdigest().encode()
            )
            delivery = msgspec.structs.replace(delivery, query=joined)
        text = full_url(url, delivery.query) + (self._body_part(delivery) or b"")
        digest = base64.b64encode(hmac.digest(secret.encode(), text, "sha1"))
        return msgspec.structs.replace(delivery, headers={**delivery.headers, self._header: digest})

    def _body_part(self, delivery: Delivery) -> bytes | None:
        """What of the body is signed; None when the body is not the one that the query names."""
        if b"bodySHA256=" in delivery.query:
            named = parse_qs(delivery.query.decode("latin-1")).get("bodySHA256", [""])[0]
            return b"" if hmac.compare_digest(named.lower().encode(), hashlib.sha256(delivery.body).hexdigest().encode()) else None
        if delivery.media_type != _FORM:
            return None  # nothing would bind the body to the signature
        fields = fields_of(delivery.body)
        if not fields and delivery.body:
            return None
        return "".join([name + value for name in sorted(fields) for value in sorted(set(fields[name]))]).encode()


def _with_and_without_port(url: bytes) -> Iterator[bytes]:
    yield url
    if _PORT.match(url):
        yield _PORT.sub(rb"\1", url, count=1)
    else:
        port = b"443" if url.startswith(b"https") else b"80"
        yield _NO_PORT.sub(lambda found: found[1] + b":" + port, url, count=1)


class Qualtrics:
    """The form field HMAC: HMAC-SHA512 in hex of the decoded text of the field MSG."""

    about = "form field `HMAC`: HMAC-SHA-512 in hex of the decoded text of the field `MSG`"
    is_timed = False
    takes_tokens = False

    def __init__(self) -> None:
        self.key = as_text

    def accepts(self, delivery: Delivery, keys: Sequence[bytes], url: str) -> bool:
        """Whether one of the shared keys signed the message."""
        fields = fields_of(delivery.body)
        given, message = fields.get("HMAC", [""])[0], fields.get("MSG", [""])[0]
        accepted = False
        for key in keys:
            accepted |= hmac.compare_digest(given.lower().encode(), hmac.digest(key, message.encode(), "sha512").hex().encode())
        return accepted and bool(message)

    def signed(self, delivery: Delivery, secret: str, url: str) -> Delivery:
        """The form with its HMAC in front."""
        fields = [(name, value) for name, value in parse_qsl(delivery.body.decode(), keep_blank_values=True) if name != "HMAC"]
        message = next((value for name, value in fields if name == "MSG"), "")
        digest = hmac.digest(secret.encode(), message.encode(), "sha512").hex()
        return msgspec.structs.replace(delivery, body=urlencode([("HMAC", digest), *fields]).encode())
