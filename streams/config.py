"""Settings: defaults, ``vitals.toml``, environment (``VITALS__…``), command line; last one wins.

The only place that reads the environment. A key that is not known is an error that names the
nearest ones, wherever it comes from.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from processors.errors import SettingError

ENV_PREFIX: Final = "VITALS__"
FILE_NAME: Final = "vitals.toml"


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
    found = [*_from_file(file), *_from_environment(), *_from_command_line(given)]
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
        raise SettingError(
            named[str(first["loc"][0])], f"{_lowered(first['msg'])}, found {first['input']!r}"
        ) from error


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
    yield from ((key, value, f"{path}: {key}") for key, value in values.items())


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
