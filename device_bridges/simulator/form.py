"""What all tables of a scenario file have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from device_bridges.simulator.quantities import not_known


class Form(BaseModel):
    """A table of a scenario file; a key that it has not is an error naming the nearest."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            keys = cls.keys()
            for key in value:
                if key not in keys:
                    raise ValueError(not_known(key, keys))
        return value

    @classmethod
    def keys(cls) -> list[str]:
        """Name the keys as they are written."""
        return [field.alias or name for name, field in cls.model_fields.items()]
