"""GeoJSON (RFC 7946) as a course: lines are stretches in file order, points are marks."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from device_bridges.simulator.trace import Ground, Mark, Stretch, Trace
from processors.errors import InputError

_Longitude = Annotated[float, Field(ge=-180, le=180)]
_Latitude = Annotated[float, Field(ge=-90, le=90)]
_Altitude = Annotated[float, Field(ge=-500, le=9000)]  # m, as the signal: CLINICAL 2
_Position = tuple[_Longitude, _Latitude, _Altitude] | tuple[_Longitude, _Latitude]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class _Properties(_Part):
    """What may be told of a line or point; other properties are left alone."""

    name: str = ""
    place: str = ""
    kind: Ground = "path"
    pace: float = Field(math.nan, gt=0, le=2)
    pm2_5: float = Field(math.nan, ge=0, le=1000)
    rest_s: float = Field(0.0, ge=0, le=86_400)


class _Line(_Part):
    type: Literal["LineString"]
    coordinates: list[_Position] = Field(min_length=2)


class _Point(_Part):
    type: Literal["Point"]
    coordinates: _Position


class _Feature(_Part):
    type: Literal["Feature"]
    geometry: Annotated[_Line | _Point, Field(discriminator="type")]
    properties: _Properties | None = None


class _Collection(_Part):
    type: Literal["FeatureCollection"]
    features: list[_Feature]


def read_geojson(data: bytes, where: str) -> Trace:
    """Read a FeatureCollection of LineStrings and Points.

    Raises
    ------
    InputError
        No JSON, another kind of object or geometry, a value out of range; says which feature.
    """
    try:
        features = _Collection.model_validate_json(data).features
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(where, f"{_path(first['loc'])}: {first['msg']}".lstrip(": ")) from error
    stretches: list[Stretch] = []
    marks: list[Mark] = []
    for feature in features:
        told = feature.properties or _Properties.model_validate({})
        name = told.name or told.place
        if isinstance(feature.geometry, _Line):
            stretches.append(_stretch(name or f"stretch {len(stretches) + 1}", feature, told))
        else:
            longitude, latitude = feature.geometry.coordinates[:2]
            marks.append(Mark(name, latitude, longitude, told.rest_s, told.pm2_5))
    return Trace(tuple(stretches), tuple(marks))


def _stretch(name: str, feature: _Feature, told: _Properties) -> Stretch:
    rows = [(*at, math.nan)[:3] for at in feature.geometry.coordinates]  # type: ignore[misc]
    longitude, latitude, altitude = np.array(rows, np.float64).T.copy()
    return Stretch(
        name, told.kind, latitude, longitude, altitude, told.pace, told.pm2_5, told.rest_s
    )


def _path(loc: tuple[Any, ...]) -> str:
    """Name the place of an error: ``features[2].geometry``, without the steps of unions."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc]
    return "".join(parts).lstrip(".")
