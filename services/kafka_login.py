"""One try at being let in by Kafka, as a client of ours will be, and what stands in the way in words that say what to do.

Laws: a broker that is away is waited for (NoAnswer), one that answers and refuses what the settings show is a mistake in the settings
(ConfigError); no secret is part of either. The clients themselves tell all of it as "unable to bootstrap".
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Mapping
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from services.kafka_security import client_options
from services.settings import SecuritySettings, Settings
from services.settings_errors import ConfigError, Problem

_SECONDS = 3.0
_QUESTION = bytes.fromhex("0000000e 0012 0000 00000001 0004") + b"knoc"
"""ApiVersions: the one request that a broker answers before anybody has proved anything."""
_TLS_ALERT = b"\x15\x03"
_HAS_EXPIRED, _NOT_YET_VALID, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64


class NoAnswer(OSError):
    """No broker let us in now, and that may be otherwise in a moment; the message says why."""


async def log_in(settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
    """Return when a broker of `kafka.bootstrap`, and one of those that it names to its clients, let us in.

    Raises NoAnswer, and ConfigError when what the settings show is refused or cannot be read.
    """
    options = client_options(settings, environ)
    named = await _first(settings, options, settings.kafka.bootstrap.split(","), "")
    if not named:
        raise NoAnswer("it names no broker yet")
    await _first(settings, options, named, f", to which {settings.kafka.bootstrap} sends its clients (advertised.listeners of the broker)")


async def _first(settings: Settings, options: dict[str, Any], addresses: list[str], whose: str) -> list[str]:
    """What the first of the addresses that lets us in names as the brokers' addresses."""
    refused: ConfigError | None = None
    away: NoAnswer | None = None
    for address in addresses:
        try:
            return await _enter(settings.kafka.security, options, address, whose)
        except ConfigError as error:
            refused = error
        except NoAnswer as error:
            away = NoAnswer(f"{address}{whose}: {error}") if whose else error
    raise refused or away or NoAnswer("no answer yet")


async def _enter(security: SecuritySettings, options: dict[str, Any], address: str, whose: str) -> list[str]:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    where = f"Kafka at {address}{whose}"
    try:
        await asyncio.wait_for(_knock(host, int(port), options.get("ssl_context")), _SECONDS)
        return await asyncio.wait_for(_asked(host, int(port), options), 2 * _SECONDS)
    except ssl.SSLCertVerificationError as error:
        raise ConfigError([_of_the_certificate(where, host, error)]) from None
    except ssl.SSLError as error:
        if (problem := _of_our_certificate(where, security, error.reason or "")) is not None:
            raise ConfigError([problem]) from None
        raise NoAnswer(f"TLS fails ({error.reason}): is kafka.security.protocol right?") from error
    except (SaslAuthenticationFailed, AuthenticationFailedError, UnsupportedSaslMechanismError, IllegalSaslStateError) as error:
        raise ConfigError([_of_the_password(where, security, error)]) from None
    except (ConnectionResetError, EOFError, KafkaConnectionError) as error:
        raise NoAnswer(_hung_up(security)) from error
    except (KafkaError, OSError, ValueError) as error:  # TimeoutError is an OSError; a ValueError is an answer that makes no sense
        raise NoAnswer(str(error) if isinstance(error, NoAnswer) else "no answer yet") from error


async def _knock(host: str, port: int, context: ssl.SSLContext | None) -> None:
    """Ask the one question that needs no password: with TLS 1.3 it is the answer that tells what becomes of our certificate."""
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        writer.write(_QUESTION)
        answer = await reader.readexactly(4)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    if context is None and answer.startswith(_TLS_ALERT):
        raise NoAnswer("it speaks TLS there: set kafka.security.protocol to SSL or SASL_SSL")


async def _asked(host: str, port: int, options: dict[str, Any]) -> list[str]:
    """Log in as the clients do; the brokers' addresses as they are named to clients."""
    how = {name: value for name, value in options.items() if name != "bootstrap_servers"}
    connection = await create_conn(host, port, request_timeout_ms=int(_SECONDS * 1000), **how)
    try:
        answer = await connection.send(MetadataRequest([]))
        return [f"{broker[1]}:{broker[2]}" for broker in answer.brokers]
    finally:
        connection.close()


def _hung_up(security: SecuritySettings) -> str:
    """A broker hangs up on whoever speaks another protocol than the listener's; one that is just ending does so too."""
    spoken = f"{'with' if security.encrypted else 'without'} TLS and {'a' if security.with_password else 'no'} password"
    return f"it hangs up on a client {spoken}; is kafka.security.protocol = {security.protocol} right?"


def _of_the_certificate(where: str, host: str, error: ssl.SSLCertVerificationError) -> Problem:
    """What is wrong with the broker's certificate."""
    if error.verify_code in (_OTHER_NAME, _OTHER_ADDRESS):
        key = "kafka.bootstrap" if "sends its clients" not in where else "kafka.security"
        expected = "an address by a name that the certificate bears, or a certificate of the broker for this name"
        return Problem(where, key, f"a certificate that is not made out to {host}", expected)
    if error.verify_code in (_HAS_EXPIRED, _NOT_YET_VALID):
        found = "a certificate of the broker that " + ("has expired" if error.verify_code == _HAS_EXPIRED else "is not valid yet")
        return Problem(where, "kafka.security", found, "one that is valid now: renew it at the broker (and look at this machine's clock)")
    expected = "the PEM file of the authority that signed the broker's certificate"
    return Problem(where, "kafka.security.ssl_cafile", f"a certificate that cannot be trusted ({error.verify_message})", expected)


def _of_our_certificate(where: str, security: SecuritySettings, reason: str) -> Problem | None:
    """What the broker says of our certificate, by the name of its TLS alert; None when that is about something else."""
    if "ALERT" not in reason or not any(word in reason for word in ("CERT", "UNKNOWN_CA", "ACCESS_DENIED")):
        return None
    alert = reason.rpartition("ALERT_")[2].replace("_", " ").lower()
    if security.ssl_certfile is None:
        found, expected = f"no certificate of ours ({alert})", "kafka.security.ssl_certfile and ssl_keyfile: this broker asks for them"
    else:
        found = f"a certificate of ours that the broker does not accept ({alert})"
        expected = "one that is valid now and signed by an authority in the broker's trust store"
    return Problem(where, "kafka.security.ssl_certfile", found, expected)


def _of_the_password(where: str, security: SecuritySettings, error: KafkaError) -> Problem:
    if isinstance(error, UnsupportedSaslMechanismError):
        found = f"{security.sasl_mechanism}, which the broker does not offer"
        return Problem(where, "kafka.security.sasl_mechanism", found, "one of its sasl.enabled.mechanisms")
    if isinstance(error, IllegalSaslStateError):
        expected = "the protocol of that listener, which asks for no password"
        return Problem(where, "kafka.security.protocol", security.protocol, expected)
    key = "sasl_password_env" if security.sasl_password_env else "sasl_password_file"
    found = f"a password that is not the one of {security.sasl_username!r} ({security.sasl_mechanism})"
    return Problem(where, f"kafka.security.{key}", found, "a user (sasl_username), password and sasl_mechanism that the broker knows")
