"""A secret written into the file where its name belongs, or under a name that does not exist, is refused and never repeated."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.app import run
from tests.security.leaks import leaks

SECRETS = {"as base64": "whsec_c2VjcmV0LW9mLXRlc3Rz", "with quotation marks": "p4ss w\u00f6rd/of+tests"}
FILES = [
    "[api]\ntoken_env = {}",
    "[api]\nedit_token_env = {}",
    "[api]\ncontrols_token_env = [{}]",
    "[api]\ntoken = {}",
    "[kafka.security]\nprotocol = 'SASL_SSL'\nsasl_username = 'u'\nsasl_password = {}",
    "[kafka.security]\nprotocol = 'SASL_SSL'\nsasl_username = 'u'\nsasl_password_env = [{}]",
    "[kafka.security]\nssl_password_env = [{}]",
    "[sources.x]\nkind = 'zendesk'\nsecret_env = [[{}]]",
    "[sources.x]\nkind = 'zendesk'\nsecret_env = {}",
    "[sources.x]\nkind = 'zendesk'\nsecret = {}",
    "[sources.x]\nkind = 'zendesk'\npassword = {{ a = {} }}",
    "[sources.x]\nkind = 'zendesk'\nsecret_env = [{}",
]


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
@pytest.mark.parametrize("text", FILES)
def test_a_secret_in_the_file_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], text: str, secret: str
) -> None:
    for name in [name for name in os.environ if name.startswith("DESKPULSE_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "deskpulse.toml"
    file.write_text(text.format(f'"{secret}"'), encoding="utf-8")
    assert run(["check", str(file)]) == 2
    out, said = capfd.readouterr()
    assert str(file) in said
    assert leaks((out + said).encode(), {"it": secret}) == []
