"""docker-compose.yml is valid, starts what there is, and lets nobody in from outside."""

from __future__ import annotations

import json
import re
import stat
from importlib.metadata import distribution
from pathlib import Path

import pytest
import typer
import yaml
from jsonschema import Draft7Validator

from streams.cli import build
from streams.config import SECRETS, Settings
from streams.env_file import NAMES, write_missing
from tests.needs import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "build" in one}
ONCE = {"prepare"}  # ends by itself


def test_it_fulfils_the_schema_of_the_specification():
    vendored = "check_jsonschema/builtin_schemas/vendor/compose-spec.json"
    path = Path(str(distribution("check-jsonschema").locate_file(vendored)))
    faults = Draft7Validator(json.loads(path.read_text())).iter_errors(COMPOSE)
    assert [f"{'/'.join(map(str, fault.path))}: {fault.message}" for fault in faults] == []


def test_all_roles_and_servers_are_there():
    commands = [one["command"][1] for one in OURS.values()]
    assert sorted(commands) == ["bridge", "doctor", "monitor", "sink", "worker", "worker"]
    assert set(SERVICES) - set(OURS) == {"kafka", "influxdb", "redis", "postgres"}


def test_all_wait_for_the_topics_and_the_tables_which_nobody_else_makes():
    assert {"--create-topics", "--migrate"} <= set(OURS["prepare"]["command"])
    for name in set(OURS) - ONCE:
        assert "prepare" in OURS[name]["depends_on"], name


def parse(command: list[str]) -> None:
    """Parse a command line with the real program, without running it."""
    program, name, *words = command
    assert program == "vitals"
    group = typer.main.get_command(build())
    subcommand = group.get_command(typer.Context(group), name)
    assert subcommand is not None, name
    subcommand.make_context(name, words)


@pytest.mark.parametrize("name", OURS)
def test_every_command_line_is_one_that_the_program_takes(name):
    parse(OURS[name]["command"])


def test_a_command_line_that_the_program_does_not_take_would_be_noticed():
    with pytest.raises(Exception, match="no-such-option"):
        parse(["vitals", "worker", "--no-such-option"])


def test_every_setting_exists_and_every_secret_comes_from_the_file_of_make_env():
    for name, one in OURS.items():
        for key, value in one["environment"].items():
            setting = key.removeprefix("VITALS__").lower()
            assert setting in Settings.model_fields, (name, key)
            assert (setting in SECRETS) == str(value).startswith("${"), (name, key)
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    assert asked == set(NAMES)
    # A variable without a value stops compose; none has a default.
    assert set(re.findall(r"\$\{(\w+):\?", TEXT)) == asked


def test_ports_are_open_to_this_machine_only():
    for one in SERVICES.values():
        for port in one.get("ports", ()):
            assert str(port).startswith("127.0.0.1:")
        if one.get("network_mode") == "host":  # then the program itself binds to loopback
            assert one["command"][:2] == ["vitals", "monitor"]
            assert "--host" not in one["command"]
            assert "VITALS__HOST" not in one["environment"]


def test_images_are_pinned_and_whoever_runs_for_long_has_a_health_check():
    for name, one in SERVICES.items():
        assert re.fullmatch(r"[\w/]+:\d+\.\d+(\.\d+)?(-\w+)?", one["image"]), name
        assert ("healthcheck" in one) == (name not in ONCE), name
        assert one["restart"] == ("no" if name in ONCE else "unless-stopped")


def test_who_waits_for_another_waits_for_one_that_can_tell():
    for one in SERVICES.values():
        for other, how in one.get("depends_on", {}).items():
            healthy = "healthcheck" in SERVICES[other]
            expected = "service_healthy" if healthy else "service_completed_successfully"
            assert how["condition"] == expected


def test_workers_have_names_of_their_own_and_share_their_checkpoints():
    workers = [one for one in OURS.values() if one["command"][1] == "worker"]
    assert len({(one["hostname"], *one["command"]) for one in workers}) == len(workers)
    assert {tuple(one["volumes"]) for one in workers} == {
        ("checkpoints:/var/lib/vitals/checkpoints",)
    }


def test_kafka_is_the_version_that_is_tested_with():
    tested = re.search(
        r"kafka_2\.13</artifactId>\s*<version>([\d.]+)",
        (ROOT / "tests/servers/kafka.pom.xml").read_text(),
    )
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{tested[1]}"


DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_the_image_is_pinned_and_not_root_and_holds_what_is_there():
    assert all(re.search(r":\d+\.\d+\.\d+-", one) for one in re.findall(r"^FROM (\S+)", DOCKERFILE))
    assert re.findall(r"^USER (\d+)", DOCKERFILE, re.MULTILINE) == ["10001"]
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for name in line.split():
            assert (ROOT / name).exists()
            assert f"!{name}" in ignore
    packages = re.findall(r"include = \[(.*?)\]", (ROOT / "pyproject.toml").read_text())[0]
    assert all(f"COPY {p} {p}\n" in DOCKERFILE for p in re.findall(r'"(\w+)\*"', packages))


def test_secrets_are_random_only_for_the_owner_and_never_changed(tmp_path):
    path, other = tmp_path / ".env", tmp_path / "other"
    path.write_text("VITALS__REDIS_PASSWORD=mine\n# mine too")
    path.chmod(0o644)
    assert write_missing(path) == [name for name in NAMES if name != "VITALS__REDIS_PASSWORD"]
    text = path.read_text()
    assert text.startswith("VITALS__REDIS_PASSWORD=mine\n# mine too\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert write_missing(path) == []
    assert path.read_text() == text
    write_missing(other)
    one, two = (
        dict(line.split("=", 1) for line in p.read_text().splitlines() if "=" in line)
        for p in (path, other)
    )
    assert set(two) == set(NAMES)
    assert all(len(two[name]) >= 22 for name in NAMES)
    assert not set(one.values()) & set(two.values())


def test_no_secret_begins_as_an_option_does():
    assert not any(make().startswith("-") for make in NAMES.values() for _ in range(500))


def test_servers_are_ready_when_they_say_so_and_are_not_root():
    # Kafka and PostgreSQL drop root by themselves, InfluxDB too; Redis only as its own command.
    assert SERVICES["redis"]["command"][0] == "redis-server" or SERVICES["redis"]["user"] == "redis"
    # PostgreSQL listens on its socket while it is being set up, and then starts anew.
    assert "-h" in SERVICES["postgres"]["healthcheck"]["test"]
    # What looks at the broker must not take as much memory as the broker.
    assert "KAFKA_HEAP_OPTS=-Xmx128m " in SERVICES["kafka"]["healthcheck"]["test"][1]


def test_secrets_are_not_in_the_repository():
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()
    assert "!.env" not in (ROOT / ".dockerignore").read_text()
