"""The vocabulary: every signal Vitalstream knows, one row each; everything else derives from it.

Units are UCUM. Rates, plausible ranges and stale times are defaults of this project (CLINICAL.md
section 2); a sample outside the range is stored, counted as implausible and never used. After the
stale time a value is blanked and ``device_silent`` starts. LOINC and MDC (IEEE 11073-10101) codes
marked with ``?`` are still to be confirmed against the nomenclature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from processors.errors import UnknownSignalError
from processors.records import Column

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86_400.0
NEVER_S = math.inf


@dataclass(frozen=True, slots=True)
class Channel:
    """One column of a signal: name, UCUM unit, plausible range, codes (empty: none known)."""

    name: str
    unit: str
    low: float
    high: float
    loinc: str = ""
    mdc: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """A way a signal is measured.

    Attributes
    ----------
    name
        ``continuous``, ``spot`` or ``ambulatory``.
    rate_hz
        Typical rate; 0 for values that come one at a time.
    stale_after_s
        Silence after which the value is blanked; infinite for values that do not age.
    """

    name: str
    rate_hz: float
    stale_after_s: float


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """One row of `SIGNALS`.

    Attributes
    ----------
    waveform
        Regularly sampled and drawn as a trace; other signals are handled as records in time.
    channels
        The columns; a waveform may have more leads than named here, all like the first.
    """

    name: str
    title: str
    channels: tuple[Channel, ...]
    variants: tuple[Variant, ...]
    waveform: bool = False

    @property
    def unit(self) -> str:
        """Unit of the first channel."""
        return self.channels[0].unit

    def stream(self, variant: Variant) -> str:
        """Name the stream of a variant: the signal's own name for the first, else with it."""
        return self.name if variant is self.variants[0] else f"{self.name}.{variant.name}"

    def variant(self, name: str = "") -> Variant:
        """Give a variant by name, the first for the empty name; LookupError when there is none."""
        for variant in self.variants:
            if variant.name == name or not name:
                return variant
        raise UnknownSignalError(
            f"{self.name}.{name}", [f"{self.name}.{v.name}" for v in self.variants]
        )


def _continuous(rate_hz: float, stale_after_s: float) -> Variant:
    return Variant("continuous", rate_hz, stale_after_s)


def _spot(stale_after_s: float) -> Variant:
    return Variant("spot", 0.0, stale_after_s)


def _one(
    name: str,
    title: str,
    unit: str,
    low: float,
    high: float,
    *variants: Variant,
    loinc: str = "",
    mdc: str = "",
    waveform: bool = False,
) -> SignalSpec:
    channel = Channel(name, unit, low, high, loinc, mdc)
    return SignalSpec(name, title, (channel,), variants, waveform)


_ROWS = (
    _one(
        "ecg",
        "Electrocardiogram",
        "mV",
        -10,
        10,
        _continuous(250, 2),
        loinc="11524-6?",
        mdc="131328",
        waveform=True,
    ),
    _one(
        "ppg",
        "Photoplethysmogram",
        "[arb'U]",
        -math.inf,
        math.inf,
        _continuous(100, 2),
        mdc="150452",
        waveform=True,
    ),
    _one(
        "heart_rate",
        "Heart rate",
        "/min",
        20,
        300,
        _continuous(1, 10),
        loinc="8867-4",
        mdc="147842",
    ),
    _one("rr", "RR interval", "ms", 200, 5000, _continuous(0, 10), mdc="147240"),
    _one(
        "spo2",
        "Oxygen saturation",
        "%",
        50,
        100,
        _continuous(1, 15),
        _spot(DAY_S),
        loinc="59408-5",
        mdc="150456",
    ),
    _one(
        "respiration",
        "Respiration rate",
        "/min",
        2,
        80,
        _continuous(1, 30),
        loinc="9279-1",
        mdc="151562",
    ),
    SignalSpec(
        "glucose",
        "Glucose",
        (Channel("glucose", "mg/dL", 20, 600, "99504-3", "160212"),),
        (_continuous(1 / 300, 15 * MINUTE_S), _spot(DAY_S)),
    ),
    SignalSpec(
        "blood_pressure",
        "Blood pressure",
        (
            Channel("systolic", "mm[Hg]", 50, 280, "8480-6", "150021"),
            Channel("diastolic", "mm[Hg]", 20, 200, "8462-4", "150022"),
            Channel("mean", "mm[Hg]", 30, 230, "8478-0", "150023"),
            Channel("pulse", "/min", 20, 300, "8867-4", "149546"),
        ),
        (_spot(36 * HOUR_S), Variant("ambulatory", 0.0, 90 * MINUTE_S)),
    ),
    _one(
        "body_weight", "Body weight", "kg", 2, 400, _spot(8 * DAY_S), loinc="29463-7", mdc="188736"
    ),
    _one("height", "Height", "cm", 40, 250, _spot(NEVER_S), loinc="8302-2", mdc="188740"),
    _one("waist", "Waist circumference", "cm", 30, 250, _spot(35 * DAY_S), loinc="8280-0"),
    _one(
        "body_temperature",
        "Body temperature",
        "Cel",
        30,
        43,
        _continuous(1 / 60, 10 * MINUTE_S),
        _spot(36 * HOUR_S),
        loinc="8310-5",
        mdc="150364",
    ),
    _one(
        "skin_temperature",
        "Skin temperature",
        "Cel",
        15,
        45,
        _continuous(1 / 60, 10 * MINUTE_S),
        loinc="39106-0?",
        mdc="150388?",
    ),
    SignalSpec(
        "spirometry",
        "Spirometry",
        (
            Channel("fev1", "L", 0.1, 8, "20150-9", "152586"),
            Channel("fvc", "L", 0.2, 10, "19868-9", "188928"),
            Channel("fev1_fvc", "1", 0.1, 1, "19926-5", "188948"),
            Channel("pef", "L/min", 30, 900, "19935-6", "152584"),
        ),
        (_spot(8 * DAY_S),),
    ),
    SignalSpec(
        "acceleration",
        "Acceleration",
        (
            Channel("x", "m/s2", -160, 160),
            Channel("y", "m/s2", -160, 160),
            Channel("z", "m/s2", -160, 160),
        ),
        (_continuous(50, 5),),
        waveform=True,
    ),
    _one("activity", "Activity class", "{class}", 0, 99, _continuous(1 / 60, 15 * MINUTE_S)),
    _one("steps", "Steps", "{steps}", 0, 300, _continuous(1 / 60, 15 * MINUTE_S), loinc="55423-8"),
    SignalSpec(
        "position",
        "Position",
        (Channel("latitude", "deg", -90, 90), Channel("longitude", "deg", -180, 180)),
        (_continuous(1, MINUTE_S),),
    ),
    _one("altitude", "Altitude", "m", -500, 9000, _continuous(1, MINUTE_S)),
    _one("pm2_5", "Fine particulate matter", "ug/m3", 0, 1000, _continuous(1 / 60, 30 * MINUTE_S)),
    _one("pm10", "Particulate matter", "ug/m3", 0, 2000, _continuous(1 / 60, 30 * MINUTE_S)),
    _one(
        "air_temperature",
        "Air temperature",
        "Cel",
        -40,
        60,
        _continuous(1 / 60, 30 * MINUTE_S),
        mdc="188508?",
    ),
    _one("humidity", "Relative humidity", "%", 0, 100, _continuous(1 / 60, 30 * MINUTE_S)),
    _one("co2", "Carbon dioxide", "[ppm]", 300, 10_000, _continuous(1 / 60, 30 * MINUTE_S)),
    _one(
        "voc", "Volatile organic compounds", "[ppb]", 0, 60_000, _continuous(1 / 60, 30 * MINUTE_S)
    ),
    _one("illuminance", "Illuminance", "lx", 0, 200_000, _continuous(1 / 60, 30 * MINUTE_S)),
    _one("uv", "Ultraviolet index", "{UVI}", 0, 20, _continuous(1 / 60, 30 * MINUTE_S)),
    _one(
        "noise", "Sound level, A-weighted", "dB[SPL]", 20, 140, _continuous(1 / 60, 30 * MINUTE_S)
    ),
    _one("wind", "Wind speed", "m/s", 0, 75, _continuous(1 / 60, 30 * MINUTE_S)),
    SignalSpec(
        "questionnaire",
        "Questionnaire answers",
        (
            Channel("instrument", "{id}", 0, 999),
            Channel("item", "{id}", 0, 999),
            Channel("score", "{score}", -10, 1000),
        ),
        (_spot(1.5 * 14 * DAY_S),),
    ),
    SignalSpec(
        "symptom_diary",
        "Symptom diary entry",
        (Channel("symptom", "{id}", 0, 999), Channel("score", "{score}", 0, 10)),
        (_spot(36 * HOUR_S),),
    ),
)

SIGNALS: dict[str, SignalSpec] = {spec.name: spec for spec in _ROWS}

# Every stream of samples: one of each variant.
SIGNAL_STREAMS: frozenset[str] = frozenset(
    spec.stream(variant) for spec in SIGNALS.values() for variant in spec.variants
)

# What is not a sample (kind of a `Control`): sparse streams that processors may consume.
CONTROLS: dict[str, tuple[Column, ...]] = {
    "profile": (
        Column("age_years", "a"),
        Column("heart_rate_max", "/min"),
        Column("heart_rate_rest", "/min"),
        Column("event", "1"),  # 1: in a group on a hike or test, effort limits from the start
        Column("posture", "1"),  # after a stop: 0 upright or walking, 1 sitting, 2 supine
        Column("beta_blocker", "1"),  # 1: takes one
        Column("sensitive", "1"),  # 1: limits of air for people with COPD or asthma apply
        Column("spo2_low", "%"),  # own limit of the oxygen saturation
    ),
    "limits": (  # those in force for the participant, all of them; NaN: the detector's own
        Column("spo2_low", "%"),
        Column("spo2_very_low", "%"),
        Column("glucose_urgent_low", "mg/dL"),
        Column("glucose_low", "mg/dL"),
        Column("glucose_high", "mg/dL"),
        Column("glucose_very_high", "mg/dL"),
        Column("systolic_low", "mm[Hg]"),
        Column("systolic_crisis", "mm[Hg]"),
        Column("diastolic_crisis", "mm[Hg]"),
        Column("rate_very_low", "/min"),
        Column("rate_low", "/min"),
        Column("rate_high", "/min"),
        Column("rate_very_high", "/min"),
        Column("event", "1"),  # 1: effort limits from the start, as in `profile`
    ),
    "mark": (Column("stop", "1"),),  # 1: stop button or protocol mark
    "lead": (Column("off", "1"),),  # 1: the device says that an ECG electrode is off
    "battery": (Column("percent", "%"),),
    "consent": (Column("given", "1"),),  # 0: withdrawn, nothing of them is processed from now on
}


def signal_spec(name: str) -> SignalSpec:
    """Give the row of a signal.

    Raises
    ------
    UnknownSignalError
        There is none of that name; the text names the nearest.

    >>> signal_spec("ecg").unit
    'mV'
    """
    try:
        return SIGNALS[name]
    except KeyError:
        raise UnknownSignalError(name, SIGNALS) from None
