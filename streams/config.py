"""Settings: defaults, ``vitals.toml``, ``.env``, environment, command line; the last one wins.

The only place that reads the environment; names there begin with ``VITALS__``. A key that is not
known is an error that names the nearest ones, wherever it comes from. Secrets come from the
environment or from ``.env`` of the current folder only, and are never printed.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from processors.errors import SettingError

ENV_PREFIX: Final = "VITALS__"
FILE_NAME: Final = "vitals.toml"
SECRETS_NAME: Final = ".env"


class Settings(BaseModel):
    """Everything that can be set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address the page is served on")
    port: int = Field(8080, ge=0, le=65_535, description="port of the page; 0 takes a free one")
    policy: Path | None = Field(None, description="the site's policy, over the shipped one")
    data: Path = Field(Path("vitals-data"), description="folder of the store")
    scenario: str = Field("demo", min_length=1, description="what is simulated: a name or a file")
    participants: int | None = Field(
        None, ge=1, le=20_000, description="simulated people, instead of the scenario's own number"
    )
    seed: int = Field(1, ge=0, description="seed of the simulation")
    keep_waveforms_days: float = Field(30.0, gt=0, description="age at which waveforms go")
    keep_values_days: float = Field(400.0, gt=0, description="age at which values go")
    keep_findings_days: float = Field(
        3650.0, gt=0, description="age at which findings, strips and ended alarms go"
    )
    keep_at_least_hours: float = Field(
        24.0, ge=1, description="waveforms younger than this never go"
    )
    disk_share: float = Field(
        0.85, gt=0, le=1, description="how full the disk may be before the oldest waveforms go"
    )
    block_ms: int = Field(200, ge=20, le=2000, description="length of a block of samples")
    kafka: str = Field("127.0.0.1:9092", min_length=1, description="address of the Kafka brokers")
    partitions: int = Field(8, ge=1, le=1000, description="partitions of every topic")
    group: str = Field("vitals", min_length=1, description="workers of one group share the work")
    checkpoints: str = Field(
        "vitals-checkpoints", min_length=1, description="folder or URL of the workers' snapshots"
    )
    influx_url: str = Field("", description="InfluxDB of the series; none: SQLite in `data`")
    influx_org: str = Field("vitals", min_length=1, description="organisation in InfluxDB")
    influx_bucket: str = Field("vitals", min_length=1, description="bucket in InfluxDB")
    influx_token: SecretStr = Field(SecretStr(""), description="token of InfluxDB; secret")
    postgres_url: str = Field(
        "", description="PostgreSQL of all but series, without a password; none: SQLite in `data`"
    )
    postgres_password: SecretStr = Field(SecretStr(""), description="of the user named; secret")
    redis_url: str = Field(
        "", description="Redis that monitors share, without a password; none: each alone"
    )
    redis_password: SecretStr = Field(SecretStr(""), description="of Redis; secret")
    waveforms: str = Field(
        "", description="folder or URL of compacted waveforms; none: below `data`"
    )
    spill_gb: float = Field(
        10.0, gt=0, description="most that a sink keeps on its disk while InfluxDB is away"
    )


SECRETS: Final = frozenset(
    name for name, field in Settings.model_fields.items() if field.annotation is SecretStr
)


def load(given: Mapping[str, Any], *, file: Path | None = None) -> Settings:
    """Give the settings in force.

    Parameters
    ----------
    given
        From the command line; None means "not given".
    file
        A TOML file that must exist; None: ``vitals.toml`` of the current folder if there is one.

    Raises
    ------
    SettingError
        Unknown key, wrong type, out of range; the file cannot be read.
    """
    found = [
        *_from_file(file), *_from_secrets(), *_from_environment(), *_from_command_line(given),
    ]  # fmt: skip
    values: dict[str, Any] = {}
    named: dict[str, str] = {}
    for key, value, name in found:
        if key not in Settings.model_fields:
            raise SettingError(name, _no_such_setting(key))
        values[key], named[key] = value, name
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        told = "" if key in SECRETS else f", found {first['input']!r}"
        raise SettingError(named[key], _lowered(first["msg"]) + told) from error


def has_display() -> bool:
    """Tell whether a browser window could be opened here."""
    if os.name == "nt" or os.uname().sysname == "Darwin":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# Key, value, and the name of the setting where it was found.
_Given = Iterator[tuple[str, Any, str]]


def _from_file(file: Path | None) -> _Given:
    path = Path(FILE_NAME) if file is None else file
    if file is None and not path.is_file():
        return
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingError("--config", f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise SettingError(str(path), str(error)) from error
    for key, value in values.items():
        if key in SECRETS:
            name = ENV_PREFIX + key.upper()
            raise SettingError(f"{path}: {key}", f"is a secret: give it as {name} or in .env")
        yield key, value, f"{path}: {key}"


def _from_secrets() -> _Given:
    """Read the lines ``VITALS__NAME=value`` of ``.env``; others belong to other programs."""
    path = Path(SECRETS_NAME)
    if not path.is_file():
        return
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise SettingError(str(path), f"cannot be read ({error})") from error
    for line in lines:
        name, is_given, value = line.strip().partition("=")
        if is_given and name.startswith(ENV_PREFIX):
            key = name.removeprefix(ENV_PREFIX).lower()
            yield key, value.strip().strip("\"'"), f"{path}: {name}"


def _from_environment() -> _Given:
    for name, value in os.environ.items():
        if name.startswith(ENV_PREFIX):
            yield name.removeprefix(ENV_PREFIX).lower(), value, name


def _from_command_line(given: Mapping[str, Any]) -> _Given:
    yield from ((key, value, f"--{key}") for key, value in given.items() if value is not None)


def _no_such_setting(key: str) -> str:
    near = difflib.get_close_matches(key, Settings.model_fields, n=2, cutoff=0.5)
    if near:
        return f"no such setting; did you mean {' or '.join(near)}?"
    return f"no such setting; there are {', '.join(Settings.model_fields)}"


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
