"""Secured doors of the embedded broker: TLS, client certificates, passwords; beside the plain ones, each on a port of its own.

Laws: the inside doors stay plain and on this machine; a password is written only into files of this user and never onto a command
line, where every other user would see it.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

Protocol = Literal["SSL", "SASL_SSL", "SASL_PLAINTEXT"]
_ITERATIONS = 4096
_HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


class Door(NamedTuple):
    """One more listener for clients, `name` (capitals) on `port` of this machine.

    `keystore` is a PEM file with the broker's key and its chain, `truststore` one with the authorities of clients' certificates (None
    asks for none). `users` have a password that all mechanisms take. `advertised_host` is what clients are told to connect to.
    """

    name: str
    port: int
    protocol: Protocol
    keystore: Path | None = None
    truststore: Path | None = None
    users: Mapping[str, str] = MappingProxyType({})
    advertised_host: str = "localhost"


def door_properties(doors: Sequence[Door]) -> dict[str, str]:
    """The lines of server.properties that concern single doors."""
    lines: dict[str, str] = {}
    for door in doors:
        own = f"listener.name.{door.name.lower()}."
        if door.keystore is not None:
            lines |= {f"{own}ssl.keystore.type": "PEM", f"{own}ssl.keystore.location": str(door.keystore)}
        if door.truststore is not None:
            lines |= {f"{own}ssl.truststore.type": "PEM", f"{own}ssl.truststore.location": str(door.truststore)}
        lines[f"{own}ssl.client.auth"] = "none" if door.truststore is None else "required"
        if door.protocol.startswith("SASL"):
            known = "".join(f' user_{name}="{_quoted(password)}"' for name, password in door.users.items())
            lines[f"{own}sasl.enabled.mechanisms"] = ",".join(("PLAIN", *_HASHES))
            lines[f"{own}plain.sasl.jaas.config"] = f"org.apache.kafka.common.security.plain.PlainLoginModule required{known};"
            for mechanism in _HASHES:
                module = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
                lines[f"{own}{mechanism.lower()}.sasl.jaas.config"] = module
    return lines


def scram_arguments(doors: Sequence[Door]) -> list[str]:
    """Arguments of the storage tool that make the users known before the broker starts for the first time."""
    arguments = []
    for name, password in {name: password for door in doors for name, password in door.users.items()}.items():
        for mechanism, digest in _HASHES.items():
            salt = os.urandom(24)
            salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, _ITERATIONS)
            parts = f'name={name},salt="{_base64(salt)}",saltedpassword="{_base64(salted)}",iterations={_ITERATIONS}'
            arguments += ["--add-scram", f"{mechanism}=[{parts}]"]
    return arguments


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _quoted(password: str) -> str:
    """A password between quotes of JAAS within a file of properties, which is Latin-1 and takes a level of backslashes of its own."""
    in_jaas = password.replace("\\", "\\\\").replace('"', '\\"')
    in_properties = in_jaas.replace("\\", "\\\\")
    units = in_properties.encode("utf-16-be")
    numbers = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    return "".join(chr(number) if number < 0x7F else f"\\u{number:04x}" for number in numbers)
