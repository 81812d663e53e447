"""The compose file: the specification accepts it, and it keeps the laws of this project (nobody's Docker engine is asked)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from graphlib import TopologicalSorter
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from cli.app import COMMANDS
from deploy.docker.healthy import PORTS
from deploy.kafka.properties import MESSAGE_MAX_BYTES, server_properties
from services.api.app import create_app
from services.settings import ENV_FILE, ENV_PREFIX, Settings, load_settings
from tests.conftest import REPOSITORY
from tests.deploy.docker.composition import FILE, OURS, composition, environment, mounted_from, mounts, services
from tests.services.api.calling import calling
from tests.services.api.fake_board import FakeBoard

EVERY = sorted(services())
WRITES_ITS_ROOT = {"kafka": "its image writes the configuration when it starts"}
ENDS = ("topics", "archive")
SECRETS = "secrets/"
FOREIGN_USERS = {"kafka": "appuser of its image"}


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on this machine")
    return found


def test_the_specification_accepts_it() -> None:
    found = PyCompose.from_json(json.dumps(composition()))
    found.validate()
    assert sorted(found.service_names()) == EVERY


@pytest.mark.parametrize("broken", [{"depends": []}, {"healthcheck": {"testing": "x"}}], ids=["a key", "a key below"])
def test_the_specification_refuses_what_it_does_not_know(broken: dict[str, Any]) -> None:
    file = composition()
    file["services"]["api"] |= broken
    with pytest.raises(ValueError, match=r"depends|testing"):
        PyCompose.from_json(json.dumps(file)).validate()


@pytest.mark.parametrize("name", EVERY)
def test_it_is_shut_off_from_its_host(name: str) -> None:
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only", False) is (name not in WRITES_ITS_ROOT)
    uid = str(service.get("user", "")).partition(":")[0]
    assert (uid.isdigit() and int(uid) > 0) is (name not in FOREIGN_USERS)
    assert [key for key in ("privileged", "cap_add", "devices", "network_mode", "pid", "ipc") if key in service] == []
    assert not any("docker.sock" in source for source, _, _ in mounts(name))


@pytest.mark.parametrize("name", EVERY)
def test_it_is_bounded(name: str) -> None:
    service = services()[name]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert 0 < float(service["cpus"]) <= 2
    assert service["pids_limit"] > 0
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["restart"] == ("no" if name in ENDS else "unless-stopped")


@pytest.mark.parametrize("name", EVERY)
def test_ports_are_open_to_this_machine_alone(name: str) -> None:
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in services()[name].get("ports", []))


def test_published_ports_are_those_that_the_services_listen_on() -> None:
    listening = {variable.removeprefix(ENV_PREFIX).partition("__")[0].lower(): port for variable, port in PORTS.items()}
    published = {name: service["ports"][0] for name, service in services().items() if "ports" in service}
    assert published["ingest"].endswith(f":{listening['ingest']}")
    assert published["api"].endswith(f":{listening['api']}")
    assert "kafka" not in published
    assert len({port.split(":")[1] for port in published.values()}) == len(published)


@pytest.mark.parametrize("name", EVERY)
def test_it_says_how_it_is(name: str) -> None:
    """Ours bring the image's own check; what runs once and ends has none."""
    check = services()[name].get("healthcheck")
    if name in ENDS:
        assert check == {"disable": True}
    elif name in OURS:
        assert check is None
    else:
        assert check is not None
        assert check["test"][0] == "CMD"
        assert {"interval", "timeout", "retries", "start_period"} <= check.keys()


def test_what_waits_for_what_has_a_beginning() -> None:
    waits = {name: service.get("depends_on", {}) for name, service in services().items()}
    order = list(TopologicalSorter({name: list(needs) for name, needs in waits.items()}).static_order())
    assert order.index("kafka") < order.index("topics") < min(order.index(name) for name in ("ingest", "aggregator", "api"))
    for name, needs in waits.items():
        for other, how in needs.items():
            ends, has_check = other in ENDS, services()[other].get("healthcheck") or other in OURS
            assert how["condition"] in (
                {"service_completed_successfully"} if ends else {"service_started", *(["service_healthy"] if has_check else [])}
            ), f"{name} waits for {other}"


@pytest.mark.parametrize("name", EVERY)
def test_its_image_is_held_to_a_version(name: str) -> None:
    image, _, tag = services()[name]["image"].rpartition(":")
    assert image
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag)


def test_our_images_bear_the_version_of_the_project() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert {services()[name]["image"].rpartition(":")[2] for name in OURS} == {version}
    assert {(REPOSITORY / services()[name]["build"]["dockerfile"]).is_file() for name in OURS} == {True}


def test_the_broker_is_the_version_that_the_tests_run() -> None:
    """The same minor version: their clients and their state behave alike."""
    embedded = re.search(r"kafka_2\.13:(\d+\.\d+)\.", (REPOSITORY / "deploy/kafka/jars.lock").read_text(encoding="utf-8"))
    assert embedded is not None
    assert services()["kafka"]["image"].startswith(f"apache/kafka:{embedded[1]}.")


@pytest.mark.parametrize("name", OURS)
def test_its_command_is_one_of_ours(name: str) -> None:
    command, *rest = services()[name]["command"]
    assert command in {known.name for known in COMMANDS}
    assert rest == {"topics": ["--wait", "120"], "archive": ["run", "--to", "/var/lib/deskpulse"]}.get(name, [])


@pytest.mark.parametrize("name", OURS)
def test_its_settings_are_ones_that_we_have(name: str) -> None:
    given = environment(name)
    settings = load_settings(mounted_from(name, given[ENV_FILE]), given)
    for variable, value in given.items():
        if variable == ENV_FILE:
            continue
        found: Any = settings
        for key in variable.removeprefix(ENV_PREFIX).lower().split("__"):
            assert key in type(found).model_fields, variable  # an unknown name would be taken for somebody else's
            found = getattr(found, key)
        assert str(found) == value
    assert settings.kafka.bootstrap == "kafka:9092"
    assert {settings.ingest.host, settings.api.host, settings.aggregator.host} == {"0.0.0.0"}


async def test_the_api_answers_to_prometheus_and_to_this_machine_and_not_to_a_name_that_is_pointed_here() -> None:
    given = environment("api")
    settings = load_settings(mounted_from("api", given[ENV_FILE]), given)
    prometheus = yaml.safe_load((REPOSITORY / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    targets = {
        target for job in prometheus["scrape_configs"] for target in job["static_configs"][0]["targets"] if target.startswith("api:")
    }
    assert targets
    async with calling(create_app(settings, FakeBoard(), environ={})) as client:
        for host, status in {**dict.fromkeys(targets, 200), "127.0.0.1:8081": 200, "localhost:8081": 200, "evil.test:8081": 421}.items():
            assert (await client.get("/metrics", headers={"Host": host})).status_code == status, host


def test_the_health_check_knows_the_ports_of_the_settings() -> None:
    for variable, port in PORTS.items():
        section = variable.removeprefix(ENV_PREFIX).partition("__")[0].lower()
        assert getattr(Settings(), section).port == port


@pytest.mark.parametrize("name", EVERY)
def test_what_it_mounts_is_there(name: str) -> None:
    """And is read-only when it is a file of ours; secrets are never ours, and volumes are declared and persist."""
    for source, target, read_only in mounts(name):
        if source.startswith(f"./{SECRETS}"):
            assert read_only, target
        elif source.startswith("./"):
            assert (REPOSITORY / source).exists(), f"{source} at {target}"
            assert read_only, f"{source} at {target}"
        else:
            assert source in composition()["volumes"]


def test_no_secret_is_in_the_file_or_the_repository() -> None:
    file = composition()
    assert [secret["file"] for secret in file["secrets"].values() if not secret["file"].startswith(SECRETS)] == []
    paths = [entry["path"] for name in OURS for entry in file["services"][name]["env_file"]]
    assert [path for path in paths if not path.startswith(SECRETS)] == []
    tracked = (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {SECRETS, ".env"} <= set(tracked)
    named = [name for service in EVERY for name in environment(service) if re.search(r"PASSWORD|SECRET|TOKEN|KEY", name)]
    assert [name for name in named if not name.endswith(("__FILE", "_ENV"))] == []
    allowed = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in allowed if line.startswith("!") and ("secret" in line or ".env" in line)] == []


def test_variables_of_the_example_are_those_of_the_file() -> None:
    asked = set(re.findall(r"\$\{(\w+):-", FILE.read_text(encoding="utf-8")))
    shown = set(re.findall(r"^#(\w+)=", (REPOSITORY / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert shown == asked


def test_a_configuration_of_ones_own_takes_the_place_of_the_shipped_one() -> None:
    file = composition({"DESKPULSE_TOML": "./deskpulse.toml"})
    for name in OURS:
        assert [volume["source"] for volume in file["services"][name]["volumes"] if isinstance(volume, dict)] == ["./deskpulse.toml"]


def test_the_broker_is_told_what_the_embedded_one_is() -> None:
    """What may differ: where it lies and how it is reached, and what only a broker that is killed in tests needs."""
    text = mounted_from("kafka", "/mnt/shared/config/server.properties").read_text(encoding="utf-8")
    own = _properties(text)
    embedded = _properties(server_properties(REPOSITORY, 9092, 9093))
    differ = {name for name in own.keys() | embedded.keys() if own.get(name) != embedded.get(name)}
    assert differ <= {
        "log.dirs",
        "listeners",
        "advertised.listeners",
        "controller.quorum.voters",
        "listener.security.protocol.map",
        "broker.session.timeout.ms",
        "broker.heartbeat.interval.ms",
    }
    assert own["advertised.listeners"] == f"PLAINTEXT://{environment('api')['DESKPULSE_KAFKA__BOOTSTRAP']}"
    assert own["message.max.bytes"] == str(MESSAGE_MAX_BYTES)
    assert own["log.dirs"] in [target for _, target, _ in mounts("kafka")]


def _properties(text: str) -> dict[str, str]:
    lines = (line.strip() for line in text.splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_alertmanager_reads_its_keys_from_where_they_are_mounted() -> None:
    text = mounted_from("alertmanager", _option("alertmanager", "config.file")).read_text(encoding="utf-8")
    named = re.findall(r"_file: (\S+)", text)
    places = [target for source, target, _ in mounts("alertmanager") if source.startswith(f"./{SECRETS}")]
    assert named
    assert [file for file in named if not any(file.startswith(f"{place}/") for place in places)] == []


def _option(service: str, name: str) -> str:
    [found] = [word.partition("=")[2] for word in services()[service]["command"] if word.startswith(f"--{name}=")]
    return str(found)


def test_prometheus_accepts_what_it_is_given() -> None:
    file = mounted_from("prometheus", _option("prometheus", "config.file"))
    ran = subprocess.run([_tool("promtool"), "check", "config", str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_prometheus_asks_containers_that_there_are() -> None:
    loaded = yaml.safe_load(mounted_from("prometheus", _option("prometheus", "config.file")).read_text(encoding="utf-8"))
    jobs = [*loaded["scrape_configs"], *loaded["alerting"]["alertmanagers"]]
    targets = {target for job in jobs for static in job["static_configs"] for target in static["targets"]}
    listening = {f"{variable.removeprefix(ENV_PREFIX).partition('__')[0].lower()}:{port}" for variable, port in PORTS.items()}
    assert listening | {"alertmanager:9093"} <= targets
    assert {target.partition(":")[0] for target in targets} - {"localhost", "127.0.0.1"} <= services().keys()
    together = services()["prometheus"]["networks"]
    assert all(
        set(together) & set(services()[target.partition(":")[0]]["networks"]) for target in targets if target.split(":")[0] in services()
    )


def test_alertmanager_accepts_what_it_is_given() -> None:
    file = mounted_from("alertmanager", _option("alertmanager", "config.file"))
    ran = subprocess.run([_tool("amtool"), "check-config", str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_grafana_finds_its_source_and_its_dashboards() -> None:
    folder = mounted_from("grafana", "/etc/grafana/provisioning")
    loaded = {file: yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(folder.rglob("*.y*ml"))}
    sources = [source for file, text in loaded.items() if file.parent.name == "datasources" for source in text["datasources"]]
    assert [source["url"] for source in sources] == ["http://prometheus:9090"]
    providers = [provider for file, text in loaded.items() if file.parent.name == "dashboards" for provider in text["providers"]]
    paths = {mounted_from("grafana", provider["options"]["path"]) for provider in providers}
    assert paths
    assert all(list(path.rglob("*.json")) for path in paths)
