"""How senders prove who they are: one row a scheme, by the ids that the published signature vectors use."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from services.ingest.signatures.forms import Qualtrics, Twilio
from services.ingest.signatures.hashes import Hmac, PlainHash, Stamped
from services.ingest.signatures.scheme import Scheme
from services.ingest.signatures.shown import BasicAuth, Bearer, BodyToken, StaticHeader

ZENDESK_TESTS_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
"""Public: Zendesk signs the test sends of a webhook that does not exist yet with it. Anybody can forge it."""

_HUBSPOT_ESCAPES = {b"%%%02X" % ord(sign): sign.encode() for sign in ":/?@!$'()*,;"}
_HUBSPOT_VERSION = "X-HubSpot-Signature-Version"


def decoded(secret: str) -> bytes:
    """The key of a Standard Webhooks secret: base64 behind `whsec_`; a secret of another form is taken as it stands."""
    text = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return secret.encode()


SCHEMES: Mapping[str, Scheme] = {
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    "standard-webhooks": Hmac(
        "webhook-signature",
        encoding="base64",
        prefix="v1,",
        signs="{webhook-id}.{webhook-timestamp}.{body}",
        timestamp="webhook-timestamp",
        listed=True,
        key=decoded,
    ),
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    "github": Hmac("X-Hub-Signature-256", prefix="sha256="),
    "hub-sha1-hex": Hmac("X-Hub-Signature", digest="sha1", prefix="sha1="),
    "hub-sha256-hex": Hmac("X-Hub-Signature", prefix="sha256="),
    # https://developer.zendesk.com/documentation/webhooks/verifying (the timestamp comes first; the secret is used as text)
    "zendesk": Hmac(
        "X-Zendesk-Webhook-Signature",
        encoding="base64",
        signs="{x-zendesk-webhook-signature-timestamp}{body}",
        timestamp="X-Zendesk-Webhook-Signature-Timestamp",
    ),
    "helpscout": Hmac("X-HelpScout-Signature", digest="sha1", encoding="base64"),
    # https://dev.frontapp.com/docs/application-webhooks and rule-webhooks
    "front-application": Hmac(
        "X-Front-Signature",
        encoding="base64",
        signs="{x-front-request-timestamp}:{body}",
        timestamp="X-Front-Request-Timestamp",
        timestamp_unit="millis",
    ),
    "front-rule": Hmac("X-Front-Signature", digest="sha1", encoding="base64"),
    "chatwoot": Hmac("X-Chatwoot-Signature", prefix="sha256=", signs="{x-chatwoot-timestamp}.{body}", timestamp="X-Chatwoot-Timestamp"),
    "twilio": Twilio(),
    # https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
    "hubspot-v3": Hmac(
        "X-HubSpot-Signature-v3",
        encoding="base64",
        signs="{method}{decoded_url}{body}{x-hubspot-request-timestamp}",
        timestamp="X-HubSpot-Request-Timestamp",
        timestamp_unit="millis",
        early=False,
        url_escapes=_HUBSPOT_ESCAPES,
    ),
    "hubspot-v2": PlainHash("X-HubSpot-Signature", (_HUBSPOT_VERSION, "v2"), "{method}{url}{body}"),
    "hubspot-v1": PlainHash("X-HubSpot-Signature", (_HUBSPOT_VERSION, "v1"), "{body}"),
    "surveymonkey": Hmac("Sm-Signature", digest="sha1", encoding="base64"),
    "typeform": Hmac("Typeform-Signature", encoding="base64", prefix="sha256="),
    "delighted": Hmac("X-Delighted-Webhook-Signature", prefix="sha256="),
    "qualtrics": Qualtrics(),
    "survicate": Hmac("Hmac", encoding="either"),
    # https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures
    "calendly": Stamped("Calendly-Webhook-Signature", 180_000),
    # https://github.com/stripe/stripe-python stripe/_webhook.py: only old timestamps are refused; the secret is used verbatim
    "stripe": Stamped("Stripe-Signature", 300_000, early=False),
    "jobber": Hmac("X-Jobber-Hmac-SHA256", encoding="base64"),
    "housecallpro": Hmac("Api-Signature", signs="{api-timestamp}.{body}", timestamp="Api-Timestamp", timestamp_unit="millis"),
    "housecallpro-body": Hmac("X-HousecallPro-Signature"),
    "servicetitan": Hmac("X-ServiceTitan-Signature", encoding="either"),
    "square": Hmac("X-Square-HmacSha256-Signature", encoding="base64", signs="{url}{body}"),
    "shopify": Hmac("X-Shopify-Hmac-Sha256", encoding="base64"),
    "static-header": StaticHeader(),
    "basic-auth": BasicAuth(),
    "bearer": Bearer(),
    "body-token": BodyToken(),
}
