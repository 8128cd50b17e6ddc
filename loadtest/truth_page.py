"""The page of a scenario that was scored: each deadly rhythm as a strip, each recovery as a curve.

The ECG is not kept while a scenario is played. A plan with its seed gives the same samples again,
so it is played a second time, without the engine, and only what is drawn is kept.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.noise import NoiseBank
from device_bridges.simulator.truth import Truth
from loadtest.evaluate import plots, strips
from loadtest.evaluate.parts.recovery import AFTER_S, BEFORE_S, CODE, Curve
from loadtest.evaluate.strips import Band, Strip
from loadtest.matching import Claim, claims_of, fits
from loadtest.offline import Outcome
from loadtest.page import document, picture, table
from loadtest.score_table import COLUMNS, form
from loadtest.scoring import Scores
from processors.records import NS_PER_S, Block

DEADLY = {"vf": "Ventricular fibrillation", "vt": "Ventricular tachycardia",
          "asystole": "Asystole"}  # fmt: skip
LEAD_S, LONG_S = 5.0, 20.0  # of a strip: before the onset, and all of it
MOST = 60  # strips of a kind
MOST_CURVES = 96
_PER_PICTURE = 24


@dataclass(slots=True)
class Episode:
    """A rhythm that was true, was claimed, or both.

    Attributes
    ----------
    says
        found, missed or false.
    mv, fs_hz
        The first ECG lead from `LEAD_S` before the onset, NaN where there is none.
    """

    participant: str
    code: str
    onset_s: float
    says: str
    fs_hz: float = 0.0
    mv: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def from_s(self) -> float:
        """Where its strip begins."""
        return max(0.0, self.onset_s - LEAD_S)


def page(
    outcome: Outcome,
    scores: Scores,
    command: str,
    noise: NoiseBank | None = None,
    *,
    most_curves: int = MOST_CURVES,
) -> str:
    """Give the HTML of what was played, found and planted.

    Parameters
    ----------
    noise
        As it was played with.
    most_curves
        Stops that are drawn; the page says how many are left out.
    """
    plan = outcome.plan
    claims = claims_of(outcome.findings, 0, plan.duration_s)
    title = f"Scenario {plan.name}, seed {plan.seed}"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p class=note>{plan.n} simulated participants, {plan.duration_s:.0f} s each. "
        f"<code>{html.escape(command)}</code>. docs/truth.md says what is true and what is "
        "scored.</p>",
        *_tables(scores),
    ]
    episodes = {code: _episodes(code, outcome.truth, claims) for code in DEADLY}
    shown = {code: some[:MOST] for code, some in episodes.items()}
    read_ecg(SimulatorBridge(plan, noise=noise), [one for some in shown.values() for one in some])
    for code, some in episodes.items():
        if some:
            parts.append(f"<h2>{DEADLY[code]}</h2>")
            parts.append(_strips(code, some, outcome.truth, claims))
    parts += _recoveries(outcome, claims, most_curves)
    return document(title, parts)


def read_ecg(bridge: SimulatorBridge, episodes: Sequence[Episode]) -> None:
    """Play a plan once more, and keep what the strips of some episodes show."""
    wanted: dict[str, list[Episode]] = {}
    for one in episodes:
        wanted.setdefault(one.participant, []).append(one)
    if not wanted:
        return
    for _, blocks in bridge.steps():
        for block in blocks:
            if block.signal == "ecg":
                _keep(block, wanted)


def _keep(block: Block, wanted: Mapping[str, list[Episode]]) -> None:
    for row, participant in enumerate(block.participants):
        for one in wanted.get(participant, ()):
            fs_hz = float(block.fs_hz[row])
            if not len(one.mv):
                one.fs_hz, one.mv = fs_hz, np.full(round(LONG_S * fs_hz), np.nan)
            start, stop = block.offsets[row : row + 2].tolist()
            at = round((int(block.t0_ns[row]) / NS_PER_S - one.from_s) * fs_hz)
            first, last = max(at, 0), min(at + stop - start, len(one.mv))
            if first < last:
                raw = block.samples[start + first - at : start + last - at, 0]
                one.mv[first:last] = raw * float(block.scale[row]) + float(block.offset[row])


def _episodes(
    code: str, truth: Sequence[Truth], claims: Mapping[tuple[str, str], list[Claim]]
) -> list[Episode]:
    """Give what was true of a code and found or missed, and what was false; faults first.

    What need not be found and was not, as the VT that a VF may look like, is neither.
    """
    rows = [row for row in truth if row.code == code]
    found = []
    for row in rows:
        met = any(fits(claim, row) for claim in claims.get((row.participant, code), ()))
        if met or row.required:
            says = "found" if met else "missed"
            found.append(Episode(row.participant, code, row.onset_s, says))
    for (participant, of), some in claims.items():
        if of == code:
            mine = [row for row in rows if row.participant == participant]
            found += [
                Episode(participant, code, claim.onset_s, "false")
                for claim in some
                if not any(fits(claim, row) for row in mine)
            ]
    return sorted(found, key=lambda one: ("missed", "false", "found").index(one.says))


def _strips(
    code: str,
    episodes: Sequence[Episode],
    truth: Sequence[Truth],
    claims: Mapping[tuple[str, str], list[Claim]],
) -> str:
    counts = {says: sum(one.says == says for one in episodes) for says in ("missed", "false")}
    return strips.group(
        "Every episode",
        f"{len(episodes)}, {counts['missed']} missed and {counts['false']} false, which stand "
        f"first; {min(len(episodes), MOST)} are shown. Above: true; below: claimed, and under it "
        "when it was told. Red: VF, orange: VT, dark: asystole.",
        [_strip(one, truth, claims) for one in episodes[:MOST]],
    )


def _strip(
    one: Episode, truth: Sequence[Truth], claims: Mapping[tuple[str, str], list[Claim]]
) -> str:
    strip = Strip(
        f"{one.participant}, {strips.clock(one.onset_s)}, {one.code}: {one.says}",
        one.from_s, one.fs_hz or 1.0, one.mv if len(one.mv) else np.zeros(round(LONG_S)),
    )  # fmt: skip
    for row in truth:
        if row.participant == one.participant and row.code in DEADLY and row.required:
            end_s = row.onset_s if row.offset_s is None else row.offset_s
            strip.bands.append(Band(row.onset_s, end_s, row.code, 0))
    for code in DEADLY:
        for claim in claims.get((one.participant, code), ()):
            strip.bands.append(Band(claim.onset_s, claim.end_s, code, 1))
            strip.bands.append(Band(claim.first.emitted_s, claim.end_s, code, 2))
    return strips.drawn(strip)


def _recoveries(
    outcome: Outcome, claims: Mapping[tuple[str, str], list[Claim]], most: int
) -> Iterator[str]:
    """Draw the stops that were found or planted, those missed or false first."""
    rows = [row for row in outcome.truth if row.code == CODE]
    rates = _rates(outcome, {row.participant for row in rows} | {who for who, _ in claims})
    curves: list[tuple[int, Curve]] = []
    for (participant, code), some in claims.items():
        if code == CODE:
            mine = [row for row in rows if row.participant == participant]
            for claim in some:
                true = next((row for row in mine if fits(claim, row)), None)
                name = participant if true else f"false: {participant}"
                evidence: dict[str, float | None] = dict(claim.evidence)
                curve = _curve(rates[participant], name, claim.onset_s, evidence, true)
                curves.append((int(true is not None), curve))
    for row in rows:
        said = claims.get((row.participant, CODE), ())
        if row.required and not any(fits(claim, row) for claim in said):
            name = f"missed: {row.participant}"
            curves.append((0, _curve(rates[row.participant], name, row.onset_s, {}, row)))
    if not curves:
        return
    faults = sum(not is_right for is_right, _ in curves)
    left_out = max(len(curves) - most, 0)
    yield "<h2>Heart-rate recovery</h2>"
    yield (
        f"<p>{len(curves)} stops, {faults} missed or false, which stand first; {left_out} are "
        "left out. Black: the heart rate of the tile, every fifth second; blue: the peak "
        "before the stop and the marks at 30, 60 and 120 s as found; dashed: where the stop "
        "truly was. Title: who, when, drop in 60 s as found (true), grade.</p>"
    )
    drawn = [curve for _, curve in sorted(curves, key=lambda one: one[0])][:most]
    for first in range(0, len(drawn), _PER_PICTURE):
        some_curves = drawn[first : first + _PER_PICTURE]
        caption = f"Stops {first + 1} to {first + len(some_curves)} of {len(curves)}"
        yield picture(plots.recoveries(some_curves), caption)


def _rates(outcome: Outcome, people: set[str]) -> dict[str, list[tuple[float, float]]]:
    """Give the time, s, and the heart rate of the tile, /min, of each row of some people."""
    found: dict[str, list[tuple[float, float]]] = {who: [] for who in people}
    for rows in outcome.features:
        if rows.name == "heart_rate":
            t_s, values = (rows.t_ns / NS_PER_S).tolist(), rows.values[:, 0].tolist()
            for who, at_s, rate in zip(rows.participants, t_s, values, strict=True):
                if who in found:
                    found[who].append((at_s, rate))
    return found


def _curve(
    rates: Sequence[tuple[float, float]],
    name: str,
    at_s: float,
    evidence: dict[str, float | None],
    true: Truth | None,
) -> Curve:
    t_s, rate = np.array(rates, np.float64).reshape(-1, 2).T
    near = (t_s - at_s >= -BEFORE_S) & (t_s - at_s <= AFTER_S)
    return Curve(
        name, at_s, t_s[near] - at_s, rate[near], evidence,
        true_s=math.nan if true is None else true.onset_s - at_s,
        true_drop=math.nan if true is None else true.values.get("hrr60", math.nan),
    )  # fmt: skip


def _tables(scores: Scores) -> Iterator[str]:
    told = scores.plain()
    head = [title for title, _, _ in COLUMNS]
    for title, rows in (("finding", told["codes"]), ("alarm", told["alarms"])):
        if rows:
            yield table(
                (title, *head),
                [(code, *(form(row[key], as_) for _, key, as_ in COLUMNS))
                 for code, row in rows.items()],
            )  # fmt: skip
