"""Certificates as the tests need them: of one authority, and wrong in all the usual ways. All are PEM, in a folder of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

KEY_PASSWORD = "k3y-f4r-Zc$oldest-lock"


class Certificates:
    """`good`, `expired`, `elsewhere` (another host) and `stranger` (another authority) are brokers', `client` and `intruder` clients'."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        authority, other = trustme.CA(), trustme.CA()
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        self.other_authority = folder / "other_authority.pem"
        other.cert_pem.write_to_path(str(self.other_authority))
        self.good = self._store("good", authority.issue_cert("localhost"))
        self.elsewhere = self._store("elsewhere", authority.issue_cert("kafka.example"))
        past = datetime.now(UTC) - timedelta(days=2)
        expired = authority.issue_cert("localhost", not_before=past, not_after=past + timedelta(days=1))
        self.expired = self._store("expired", expired)
        self.stranger = self._store("stranger", other.issue_cert("localhost"))
        self.client = self._store("client", authority.issue_cert("deskpulse.example"))
        self.intruder = self._store("intruder", other.issue_cert("deskpulse.example"))
        locked = authority.issue_cert("deskpulse.example")
        self.locked_key = folder / "locked.key"
        self.locked_key.write_bytes(_key(locked, KEY_PASSWORD))
        self.locked = folder / "locked.pem"
        self.locked.write_bytes(_chain(locked))

    def _store(self, name: str, certificate: trustme.LeafCert) -> Path:
        file = self.folder / f"{name}.pem"
        file.write_bytes(_key(certificate) + _chain(certificate))
        return file


def _key(certificate: trustme.LeafCert, password: str | None = None) -> bytes:
    """The key in PKCS#8, the form that Kafka reads."""
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    lock = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def _chain(certificate: trustme.LeafCert) -> bytes:
    return b"".join(part.bytes() for part in certificate.cert_chain_pems)
