"""Which finding belongs to which row of truth: by participant, code and time, one to one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from device_bridges.simulator.truth import Truth
from processors.records import NS_PER_S, Finding


@dataclass(frozen=True, slots=True)
class Window:
    """How far a claim may lie before the onset and after the end of a row, s."""

    before_s: float
    after_s: float


# All of them defaults of this project.
USUAL = Window(2.0, 3.0)  # a beat or two
WINDOWS: Mapping[str, Window] = {
    "vf": Window(4.0, 8.0),  # windows of 4 s
    "af": Window(60.0, 60.0),  # back-dated by at most 64 beats (CLINICAL 1.4)
    # Means over beats: onsets shift with what was heard.
    "extreme_bradycardia": Window(8.0, 8.0),
    "extreme_tachycardia": Window(8.0, 8.0),
    "bradycardia": Window(20.0, 20.0),
    "tachycardia": Window(20.0, 20.0),
    "effort_rate_high": Window(20.0, 20.0),
    # Counts of a minute, or of beats: one that was not heard moves them.
    "pvc_bigeminy": Window(4.0, 4.0),
    "pvc_trigeminy": Window(4.0, 4.0),
    "pvc_frequent": Window(60.0, 60.0),
    "pvc_multiform": Window(10.0, 10.0),
    "pauses_frequent": Window(60.0, 60.0),
    "heart_rate_recovery": Window(20.0, 20.0),  # a stop told by the rate alone is not exact
    "heart_rate_recovery_delayed": Window(20.0, 20.0),
    # Devices that average, or read a few times a minute or an hour.
    "spo2_low": Window(10.0, 15.0),
    "spo2_very_low": Window(10.0, 15.0),
    "apnoea": Window(10.0, 10.0),
    "respiration_high": Window(30.0, 30.0),
    "respiration_low": Window(30.0, 30.0),
    "fever": Window(130.0, 130.0),
    "hypothermia": Window(130.0, 130.0),
    **{
        code: Window(330.0, 330.0)
        for code in ("glucose_urgent_low", "glucose_low", "glucose_high", "glucose_very_high",
                     "glucose_falling_fast", "glucose_rising_fast", "glucose_urgent_low_soon",
                     "air_quality_caution", "air_quality_warning", "exposure_high")
    },
    **{
        code: Window(930.0, 930.0)
        for code in ("blood_pressure_crisis", "blood_pressure_low",
                     "blood_pressure_exercise_stop", "blood_pressure_exercise_high")
    },
    "lead_off": Window(3.0, 5.0),
    "poor_signal": Window(5.0, 5.0),
    "device_silent": Window(5.0, 20.0),  # a slow device is back with its next reading
    "gap": Window(5.0, 10.0),
    "battery_low": Window(5.0, 5.0),
    "clock_skew": Window(60.0, 60.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Emitted:
    """A finding and when it came out, in seconds since the start.

    Attributes
    ----------
    by_device
        `emitted_s` is by the participant's device clock, for nothing better is known.
    """

    finding: Finding
    emitted_s: float
    by_device: bool = False


@dataclass(slots=True)
class Claim:
    """All that was said of one finding: its first emission and the last word on everything else."""

    first: Emitted
    onset_s: float
    offset_s: float
    evidence: dict[str, float]

    @property
    def end_s(self) -> float:
        """Where it ends; one that has not ended reaches as far as its onset is known."""
        return self.offset_s if math.isfinite(self.offset_s) else self.onset_s


def claims_of(
    emitted: Iterable[Emitted], base_ns: int, until_s: float
) -> dict[tuple[str, str], list[Claim]]:
    """Join what was told of each finding; by participant and code, in the order of emission.

    What began before the start or after the end is left out: of that there is no truth.
    """
    by_id: dict[str, Claim] = {}
    for each in emitted:
        finding = each.finding
        at_s = (finding.at_ns - base_ns) / NS_PER_S
        claim = by_id.get(finding.id)
        if claim is None:
            onset_s = (finding.onset_ns - base_ns) / NS_PER_S
            open_s = at_s if finding.state == "point" else math.inf
            claim = by_id[finding.id] = Claim(each, onset_s, open_s, {})
        if finding.state == "offset":
            claim.offset_s = at_s
        else:
            claim.onset_s = at_s
        claim.evidence.update(finding.evidence)
    found: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in sorted(by_id.values(), key=lambda claim: claim.first.emitted_s):
        if 0.0 <= claim.onset_s < until_s:
            finding = claim.first.finding
            found[finding.participant, finding.code].append(claim)
    return found


@dataclass(slots=True)
class Matched:
    """The claims of one participant and code, sorted out.

    Attributes
    ----------
    pairs
        Claims with the required rows that are theirs.
    again
        Further claims of a row that has one.
    allowed
        Claims of rows that need not be found.
    false
        Claims of nothing that was true.
    missed
        Required rows without a claim.
    """

    pairs: list[tuple[Claim, Truth]] = field(default_factory=list)
    again: list[Claim] = field(default_factory=list)
    allowed: list[Claim] = field(default_factory=list)
    false: list[Claim] = field(default_factory=list)
    missed: list[Truth] = field(default_factory=list)


def match(claims: Sequence[Claim], rows: Sequence[Truth]) -> Matched:
    """Give every required row its nearest claim, one to one, then sort out what is left.

    A pair fits where claim and row, widened by the window of the code, have a moment in common.
    Nearest pairs of onsets are joined first.
    """
    found = Matched()
    required = [row for row in rows if row.required]
    optional = [row for row in rows if not row.required]
    pairs = sorted(
        (abs(claim.onset_s - row.onset_s), c, r)
        for r, row in enumerate(required)
        for c, claim in enumerate(claims)
        if fits(claim, row)
    )
    row_of: dict[int, int] = {}
    taken: set[int] = set()
    for _, c, r in pairs:
        if c not in row_of and r not in taken:
            row_of[c] = r
            taken.add(r)
    with_rows = {c for _, c, _ in pairs}
    for c, claim in enumerate(claims):
        if c in row_of:
            found.pairs.append((claim, required[row_of[c]]))
        elif c in with_rows:
            found.again.append(claim)
        elif any(fits(claim, row) for row in optional):
            found.allowed.append(claim)
        else:
            found.false.append(claim)
    found.missed = [row for r, row in enumerate(required) if r not in taken]
    return found


def fits(claim: Claim, row: Truth) -> bool:
    """Tell whether a claim can be about a row; of silences both must be of one signal."""
    said, true = claim.evidence.get("signal"), row.values.get("signal")
    if said is not None and true is not None and said != true:
        return False
    window = WINDOWS.get(row.code, USUAL)
    end_s = row.onset_s if row.offset_s is None else row.offset_s
    return claim.onset_s <= end_s + window.after_s and claim.end_s >= row.onset_s - window.before_s
