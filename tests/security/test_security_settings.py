"""The settings that open a secured Kafka: what is not of one piece is refused with what is missing, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.settings import KafkaSettings, SecuritySettings, Settings, as_environment, load_settings
from services.settings_errors import ConfigError

USER = "protocol = 'SASL_SSL'\nsasl_username = 'u'\nsasl_password_env = 'P'"
MISTAKES = [
    pytest.param("sasl_username = 'u'\nsasl_password_env = 'P'", ("uses sasl_username, sasl_password_env", "PLAINTEXT"), id="no protocol"),
    pytest.param("protocol = 'SSL'\nsasl_username = 'u'", ("uses sasl_username", "SSL"), id="a user where none logs in"),
    pytest.param("protocol = 'SASL_PLAINTEXT'\nsasl_username = 'u'\nssl_cafile = '/a'", ("uses ssl_cafile",), id="authorities without TLS"),
    pytest.param("protocol = 'SASL_SSL'\nsasl_password_env = 'P'", ("sasl_username, which SASL_SSL needs",), id="no user"),
    pytest.param("protocol = 'SSL'\nssl_keyfile = '/a'", ("ssl_certfile",), id="a key without its certificate"),
    pytest.param("protocol = 'TLS'", ("kafka.security.protocol", "'SASL_SSL'"), id="no such protocol"),
    pytest.param(f"{USER}\nsasl_mechanism = 'OAUTHBEARER'", ("kafka.security.sasl_mechanism", "SCRAM-SHA-512"), id="no such mechanism"),
    pytest.param("protocol = 'SSL'\nssl_ca = '/a'", ("kafka.security.ssl_ca", "Did you mean ssl_cafile?"), id="an unknown key"),
]


@pytest.mark.parametrize(("text", "says"), MISTAKES)
def test_a_mistake_is_told_with_what_is_missing(tmp_path: Path, text: str, says: tuple[str, ...]) -> None:
    file = tmp_path / "deskpulse.toml"
    file.write_text(f"[kafka.security]\n{text}", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    assert [words for words in ("kafka.security", *says) if words not in str(caught.value)] == [], str(caught.value)


@pytest.mark.parametrize(
    "security",
    [
        pytest.param(SecuritySettings(), id="open"),
        pytest.param(SecuritySettings(protocol="SSL"), id="authorities of the machine"),
        pytest.param(
            SecuritySettings(
                protocol="SASL_SSL",
                ssl_cafile=Path("/ca.pem"),
                ssl_certfile=Path("/c.pem"),
                ssl_keyfile=Path("/k.pem"),
                ssl_password_file=Path("/p"),
                sasl_mechanism="SCRAM-SHA-512",
                sasl_username="u",
                sasl_password_env="P",
            ),
            id="everything",
        ),
    ],
)
def test_a_child_process_loads_the_same(security: SecuritySettings) -> None:
    settings = Settings(kafka=KafkaSettings(security=security))
    assert load_settings(environ=as_environment(settings)).kafka.security == security


def test_files_are_found_from_the_home_folder() -> None:
    assert SecuritySettings(protocol="SSL", ssl_cafile=Path("~/ca.pem")).ssl_cafile == Path.home() / "ca.pem"
