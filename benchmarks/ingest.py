"""How many signed single-event requests a second does one core of ingest acknowledge?

Starts the embedded Apache Kafka and one ingest process, then posts one signed canonical event a request over keep-alive
connections from client processes of its own. Prints requests per wall second and per CPU-second of the ingest process (its own
user and system time), and the time to the answer; each row is one round, the last line the medians.

    python -m benchmarks.ingest [--seconds 5] [--rounds 5] [--clients 2] [--connections 64]
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import os
import time
from datetime import UTC, datetime

from benchmarks.over_http import Writer, arguments, measure
from services.settings import Settings, SourceSettings

KEY = b"a key that is only for this test"
SECRET_VARIABLE = "BENCHMARK_WEBHOOK_SECRET"


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser, connections=64)
    given = parser.parse_args()
    os.environ[SECRET_VARIABLE] = "whsec_" + base64.b64encode(KEY).decode()
    measure({"shop": SourceSettings(kind="standardwebhooks", secret_env=(SECRET_VARIABLE,))}, writing, given)


def writing(settings: Settings, name: str) -> Writer:
    """The requests of one connection."""
    return lambda number: signed_request(f"{name}-{number}", number)


def signed_request(identity: str, number: int) -> bytes:
    """The bytes of one POST of one event, as a sender over the network would write them."""
    event = {
        "type": "ticket.public_reply",
        "id": identity,
        "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "ticket_id": f"{identity.rpartition('-')[0]}-{number // 8}",
        "message_id": f"m-{number}",
        "agent_id": "agent-7",
        "team": "billing",
        "channel": "email",
        "priority": "high",
        "customer_id": f"c-{number % 1000}",
    }
    body = json.dumps(event).encode()
    timestamp = str(int(time.time()))
    digest = hmac.digest(KEY, f"{identity}.{timestamp}.".encode() + body, "sha256")
    head = (
        "POST /webhooks/shop HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: benchmark\r\naccept: */*\r\ncontent-type: application/json\r\n"
        f"webhook-id: {identity}\r\nwebhook-timestamp: {timestamp}\r\nwebhook-signature: v1,{base64.b64encode(digest).decode()}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    main()
