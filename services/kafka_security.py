"""How clients of ours speak to Kafka: TLS and passwords, as options of every client.

Laws: names of hosts are checked wherever TLS is spoken; secrets come from variables and files, are read anew for each client (so a
renewed one holds at the next connection) and are never part of a message.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.settings import SecuritySettings, Settings
from services.settings_errors import ConfigError, Problem

_WHERE = "the configuration"


def client_options(settings: Settings, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client of ours starts from: where the broker is and how to speak to it.

    Raises ConfigError when a certificate or a password that the settings name cannot be read.
    """
    security = settings.kafka.security
    options: dict[str, Any] = {"bootstrap_servers": settings.kafka.bootstrap.split(","), "security_protocol": security.protocol}
    if security.encrypted:
        options["ssl_context"] = _ssl_context(security, environ)
    if security.with_password:
        options |= {
            "sasl_mechanism": security.sasl_mechanism,
            "sasl_plain_username": security.sasl_username,
            "sasl_plain_password": _password(security, environ),
        }
    return options


class _LeavesAtOnce(ssl.SSLObject):
    """TLS that says goodbye and does not wait for the answer, as the standard allows (RFC 8446, 6.1).

    A broker that holds back the answer to a long poll does not read our goodbye meanwhile: each stop of a consumer took the 30 s
    after which an event loop gives up.
    """

    def unwrap(self) -> None:
        """Send the goodbye; what stands in the buffers is written by the event loop."""
        with contextlib.suppress(ssl.SSLWantReadError):
            super().unwrap()


def _ssl_context(security: SecuritySettings, environ: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if security.ssl_cafile is None else str(security.ssl_cafile))
        context.sslobject_class = _LeavesAtOnce
    except OSError as error:  # ssl.SSLError is one
        raise _unusable("ssl_cafile", security.ssl_cafile, error, "a PEM file with the certificates of authorities") from None
    if security.ssl_certfile is not None:
        password = _secret(security.ssl_password_env, security.ssl_password_file, environ)
        if not password and (security.ssl_password_env or security.ssl_password_file):
            raise _nothing_set("ssl_password", "password of the key")
        try:
            # given as text, so that OpenSSL never asks the terminal for it
            context.load_cert_chain(security.ssl_certfile, security.ssl_keyfile, password or "")
        except OSError as error:
            expected = (
                "PEM files that this user may read, a key that belongs to the certificate, and ssl_password_env where it has a password"
            )
            raise _unusable("ssl_certfile", security.ssl_certfile, error, expected) from None
    return context


def _password(security: SecuritySettings, environ: Mapping[str, str]) -> str:
    if value := _secret(security.sasl_password_env, security.sasl_password_file, environ):
        return value
    raise _nothing_set("sasl_password", "password for SASL")


def _secret(variable: str | None, file: Path | None, environ: Mapping[str, str]) -> str:
    """The value of the variable, else the text of the file; "" when there is neither."""
    if variable and (value := environ.get(variable)):
        return value
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            pass  # the answer is the same as for a file that is empty
    return ""


def _unusable(key: str, file: Path | None, error: OSError, expected: str) -> ConfigError:
    # OpenSSL's own words are short and hold names of its errors, never a part of a key
    why = error.reason if isinstance(error, ssl.SSLError) and error.reason else error.strerror or type(error).__name__
    found = f"{file or 'the authorities of this machine'}, which cannot be used ({why})"
    return ConfigError([Problem(_WHERE, f"kafka.security.{key}", found, expected)])


def _nothing_set(key: str, what: str) -> ConfigError:
    expected = f"kafka.security.{key}_env (a variable that is set) or {key}_file (a file with the password)"
    return ConfigError([Problem(_WHERE, "kafka.security", f"no {what}", expected)])
