"""The configuration: file and environment, and every mistake answered with file, key, found, expected, nearest."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.settings import KafkaSettings, Settings, as_environment, load_settings, topic
from services.settings_errors import ConfigError
from services.source_settings import SourceSettings

SECRET = "whsec_aGVsbG8gdGhlcmU="


def _file(folder: Path, text: str) -> Path:
    file = folder / "deskpulse.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_file_and_variables_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environ={})
    assert settings.kafka.bootstrap == "127.0.0.1:9092"
    assert (settings.ingest.host, settings.api.host, settings.aggregator.host) == ("127.0.0.1",) * 3
    assert settings.dimensions.pairs == (("channel", "team"),)
    assert settings.targets["speed_of_answer_seconds"].within == 20


def test_the_file_of_the_working_directory_is_read_and_variables_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(tmp_path, 'tenant = "acme"\n[kafka]\nbootstrap = "a:1"\npartitions = 4\n')
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environ={"DESKPULSE_KAFKA__BOOTSTRAP": "b:2"})
    assert (settings.tenant, settings.kafka.bootstrap, settings.kafka.partitions) == ("acme", "b:2", 4)


def test_the_file_named_by_the_environment_is_read(tmp_path: Path) -> None:
    file = _file(tmp_path, 'tenant = "named"')
    assert load_settings(environ={"DESKPULSE_CONFIG": str(file)}).tenant == "named"


def test_a_variable_reaches_a_source_whatever_the_case_of_its_name(tmp_path: Path) -> None:
    file = _file(tmp_path, '[sources.Zen]\nkind = "zendesk"\nsecret_env = ["A"]\n')
    settings = load_settings(file, {"DESKPULSE_SOURCES__ZEN__IDENTITY": "email_hash"})
    assert settings.sources["Zen"].identity == "email_hash"


def test_variables_that_are_not_ours_are_left_alone() -> None:
    environ = {"DESKPULSE_API_PORT": "tcp://10.0.0.1:8081", "DESKPULSE_ZENDESK_SECRET": "x", "DESKPULSE_CONFIG": ""}
    assert load_settings(environ=environ).api.port == 8081


MISTAKES = [
    pytest.param("[kafka]\nbootstrp = 'x:1'", ("kafka.bootstrp", "unknown key", "Did you mean bootstrap?"), id="unknown key"),
    pytest.param("tennant = 'a'", ("tennant", "unknown key", "Did you mean tenant?"), id="unknown key at the top"),
    pytest.param("[ingest]\nport = 'http'", ("ingest.port", "found 'http'", "integer"), id="wrong type"),
    pytest.param("[ingest]\nport = 70000", ("ingest.port", "found 70000", "65535"), id="out of range"),
    pytest.param("now = 'later'", ("now", "found 'later'", "'wall' or 'watermark'"), id="not one of"),
    pytest.param("time_zone = 'Europe/Helsinky'", ("time_zone", "Europe/Helsinky", "name of a time zone"), id="unknown time zone"),
    pytest.param("time_zone = '/etc'", ("time_zone", "/etc", "name of a time zone"), id="a folder as time zone"),
    pytest.param("[sources.z]\nsecret_env = ['A']", ("sources.z.kind", "found nothing", "no default"), id="missing"),
    pytest.param("[targets]\nx = { p50 = -1 }", ("targets.x.p50", "found -1", "greater than 0"), id="negative target"),
    pytest.param("[kafka]\nbootstrap = 'nohost'", ("kafka.bootstrap", "'nohost'"), id="no port in the address"),
    pytest.param("kafka = 3", ("kafka", "found 3"), id="a value for a section"),
    pytest.param("tenant = ", ("not TOML", "expected TOML"), id="broken file"),
]


@pytest.mark.parametrize(("text", "says"), MISTAKES)
def test_a_mistake_in_the_file_is_named_with_its_key(tmp_path: Path, text: str, says: tuple[str, ...]) -> None:
    file = _file(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    assert str(file) in str(caught.value)
    for words in says:
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        pytest.param({"DESKPULSE_KAFKA__BOOTSTRP": "x:1"}, ("DESKPULSE_KAFKA__BOOTSTRP", "Did you mean bootstrap?"), id="unknown key"),
        pytest.param({"DESKPULSE_KAFKAA__X": "1"}, ("DESKPULSE_KAFKAA", "Did you mean kafka?"), id="unknown section"),
        pytest.param({"DESKPULSE_TENNANT": "a"}, ("DESKPULSE_TENNANT", "Did you mean tenant?"), id="unknown key at the top"),
        pytest.param({"DESKPULSE_API__PORT": "x"}, ("DESKPULSE_API__PORT", "found 'x'", "integer"), id="wrong type"),
        pytest.param({"DESKPULSE_KAFKA": "{"}, ("DESKPULSE_KAFKA", "not JSON"), id="broken JSON"),
        pytest.param({"DESKPULSE_CONFIG": "nowhere.toml"}, ("nowhere.toml", "No such file"), id="no such file"),
    ],
)
def test_a_mistake_in_the_environment_is_named_by_its_variable(environ: dict[str, str], says: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ=environ)
    for words in says:
        assert words in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = _file(tmp_path, "tenant = 3\n[api]\nport = 0\ntokn_env = 'A'\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    assert {problem.key for problem in caught.value.problems} == {"tenant", "api.port", "api.tokn_env"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"[sources.z]\nkind = 'zendesk'\nsecret = '{SECRET}'", id="a secret under an unknown key"),
        pytest.param(f"[sources.z]\nkind = 'zendesk'\nsecret_env = ['{SECRET}']", id="a secret where a name belongs"),
        pytest.param(f"[sources.z]\nkind = 'zendesk'\nsecret_env = '{SECRET}'", id="a secret instead of a list"),
        pytest.param(f"[api]\ntoken_env = '{SECRET}'", id="a token where a name belongs"),
        pytest.param(f"[kafka.security]\nsasl_password = '{SECRET}'", id="a password of Kafka"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_never_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(_file(tmp_path, text), {})
    assert SECRET not in str(caught.value)


def test_secrets_come_from_variables_and_files_and_stay_out_of_the_repr(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("older\n")
    source = SourceSettings(
        kind="zendesk", secret_env=("NEW", "UNSET"), secret_file=(tmp_path / "old", tmp_path / "none"), token_env=("T",)
    )
    environ = {"NEW": SECRET, "T": "path-token"}
    assert source.secrets(environ) == (SECRET, "older")
    assert source.tokens(environ) == ("path-token",)
    assert SECRET not in repr(source)
    assert "path-token" not in repr(source)
    assert len(source.missing(environ)) == 2


def test_a_source_without_any_secret_says_what_it_needs() -> None:
    assert "secret_env" in SourceSettings(kind="zendesk").missing({})[0]


def test_settings_constructed_directly_read_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKPULSE_TENANT", "elsewhere")
    assert Settings().tenant == "main"


def test_the_prefix_stands_before_every_topic() -> None:
    assert topic(Settings(kafka=KafkaSettings(topic_prefix="x.")), "events") == "x.events"


NAMES = st.text(string.ascii_letters + string.digits, min_size=1, max_size=12)


@given(
    tenant=NAMES,
    partitions=st.integers(1, 1000),
    sources=st.dictionaries(
        NAMES.filter(str.islower),
        st.builds(SourceSettings, kind=st.just("zendesk"), secret_env=st.lists(NAMES.map("V_{}".format), max_size=3).map(tuple)),
        max_size=3,
    ),
)
def test_a_child_process_loads_exactly_the_settings_of_its_parent(tenant: str, partitions: int, sources: dict[str, SourceSettings]) -> None:
    settings = Settings(tenant=tenant, kafka=KafkaSettings(partitions=partitions), sources=sources)
    assert load_settings(environ=as_environment(settings)) == settings
