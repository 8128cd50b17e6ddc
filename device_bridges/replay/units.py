"""Units that tables may come in, and how to get from there to the unit of a signal."""

from __future__ import annotations

from dataclasses import dataclass

GLUCOSE_MG_DL_PER_MMOL_L = 18.016  # CLINICAL 2
STANDARD_GRAVITY_M_S2 = 9.80665  # definition, CGPM 1901


@dataclass(frozen=True, slots=True)
class Conversion:
    """Value in the signal's unit = value * factor + offset."""

    factor: float = 1.0
    offset: float = 0.0


SAME = Conversion()

# Signal's unit (UCUM) -> accepted units -> conversion; names in lower case.
_UNITS: dict[str, dict[str, Conversion]] = {
    "mV": {"uv": Conversion(1e-3), "µv": Conversion(1e-3), "v": Conversion(1e3)},
    "mg/dL": {"mmol/l": Conversion(GLUCOSE_MG_DL_PER_MMOL_L)},
    "/min": {"bpm": SAME, "1/min": SAME, "hz": Conversion(60.0)},
    "ms": {"s": Conversion(1e3), "us": Conversion(1e-3)},
    "s": {
        "ms": Conversion(1e-3),
        "us": Conversion(1e-6),
        "min": Conversion(60),
        "h": Conversion(3600),
    },
    "Cel": {
        "c": SAME,
        "degc": SAME,
        "[degf]": Conversion(5 / 9, -160 / 9),
        "degf": Conversion(5 / 9, -160 / 9),
        "f": Conversion(5 / 9, -160 / 9),
        "k": Conversion(1.0, -273.15),
    },
    "m/s2": {
        "m/s^2": SAME,
        "g": Conversion(STANDARD_GRAVITY_M_S2),
        "mg": Conversion(STANDARD_GRAVITY_M_S2 / 1e3),
    },
    "%": {"1": Conversion(100.0)},
    "mm[Hg]": {"mmhg": SAME, "kpa": Conversion(7.50062)},  # 760 mm[Hg] = 101.325 kPa
    "kg": {"g": Conversion(1e-3), "lb": Conversion(0.45359237)},
    "cm": {"m": Conversion(100.0), "mm": Conversion(0.1)},
    "m": {"km": Conversion(1e3), "ft": Conversion(0.3048)},
    "m/s": {"km/h": Conversion(1 / 3.6)},
    "L": {"ml": Conversion(1e-3)},
    "L/min": {"l/s": Conversion(60.0)},
    "ug/m3": {"mg/m3": Conversion(1e3)},
}


def accepted_units(unit: str) -> tuple[str, ...]:
    """Name the units that a signal of this unit may come in, its own first.

    >>> accepted_units("ms")
    ('ms', 's', 'us')
    """
    return (unit, *_UNITS.get(unit, {}))


def conversion(found: str, unit: str) -> Conversion | None:
    """Give the way from a unit to a signal's unit; None where there is none. Case does not matter.

    >>> conversion("mmol/L", "mg/dL").factor
    18.016
    """
    if not found or found.lower() == unit.lower():
        return SAME
    return _UNITS.get(unit, {}).get(found.lower())
