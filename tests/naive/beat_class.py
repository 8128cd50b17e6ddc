"""Beat classes, the slow way: forms are dictionaries, features are numpy, rules are a list."""

from __future__ import annotations

import math

import numpy as np

from processors.kernels.beat_class import DEFAULTS

N, S, V, F, Q = 1, 2, 3, 4, 5
PART = np.arange(26, 66)


def f32(x):
    """Round as the state does, and compare as a float64."""
    return float(np.float32(x))


def compare(wave, mean):
    """Give the best correlation, its shift, and the deflections there: difference, beat, form."""
    form = mean[PART].astype(float)
    form = form - form.mean()
    best, where = -2.0, 0
    for shift in range(-6, 7):
        beat = wave[PART + shift] - wave[PART + shift].mean()
        c = beat @ form / np.sqrt((beat @ beat) * (form @ form) + 1e-12)
        if c > best:
            best, where = c, shift
    beat = wave[PART + where] - wave[PART + where].mean()
    return best, where, np.abs(beat - form).sum(), np.abs(beat).sum(), np.abs(form).sum()


def width_ms(wave, shift):
    steps = np.diff(wave[27 + shift : 58 + shift]) ** 2
    if steps.sum() <= 0:
        return 0.0
    grown = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    at = np.interp([0.1, 0.9], grown, np.arange(len(grown)))
    return 10.0 * float(at[1] - at[0])


def qrs_correlation(wave, mean):
    part = np.arange(32, 52)
    form = mean[part].astype(float)
    return max(np.corrcoef(wave[part + shift], form)[0, 1] for shift in range(-6, 7))


def moved_correlation(wave, mean):
    part = np.arange(26, 60)
    form = mean[part].astype(float)
    return max(np.corrcoef(wave[part + shift], form)[0, 1] for shift in range(-12, 13))


def start_distance(wave, mean):
    form = mean[33:43].astype(float) - mean[30:33].astype(float).mean()
    return min(
        np.abs(wave[33 + s : 43 + s] - wave[30 + s : 33 + s].mean() - form).sum()
        / (np.abs(form).sum() + 1e-9)
        for s in range(-2, 3)
    )


def fit_sum(wave, dominant, ventricular):
    """Give the share of power that a sum of both leaves, and their weights, at the best places."""
    part, best = np.arange(32, 60), (1.0, 0.0, 0.0)
    d = dominant[part].astype(float)
    for move in range(-3, 4):
        y = wave[part + move] - wave[part + move].mean()
        for shift in range(-6, 7):
            v = ventricular[part + shift].astype(float)
            both = np.stack([d - d.mean(), v - v.mean()], 1)
            dd, vv, dv = *(both**2).sum(0), both[:, 0] @ both[:, 1]
            if dd * vv - dv * dv > 1e-6 * dd * vv:
                weights = np.linalg.solve(both.T @ both, both.T @ y)
                left = ((y - both @ weights) ** 2).sum() / ((y**2).sum() + 1e-12)
                if (weights > 0).all() and left < best[0]:
                    best = left, *weights
    return best


class Listener:
    """One participant: eight places for forms, all beats so far, all normal intervals so far."""

    def __init__(self, rules=DEFAULTS):
        self.p = rules
        self.forms = [None] * 8
        self.beats = []  # place of each beat, None once its form has been replaced
        self.n_forms = 0
        self.dominant = 0
        self.alike = 0
        self.normal_rr = []
        self.calm_rr = []  # the intervals of the pace
        self.since_calm = 0
        self.in_run = False
        self.fits = []
        self.now = None  # facts of the newest beat
        self.label = self.label_before = 0
        self.rule = ""
        self.unseen = 0.0
        self.flaw, self.flaw_ns = 0.0, 0

    def recent(self, k):
        return self.beats[-180:].count(k)

    def place(self, wave):
        p, fitting = self.p, []
        for k, form in enumerate(self.forms):
            if form is not None:
                c, shift, difference, beat, size = compare(wave, form["mean"])
                distance = difference / (max(beat, size) + 1e-9)
                if c >= p.fit_correlation and distance <= p.fit_distance:
                    fitting.append((distance, k, shift))
        if fitting:
            _, k, shift = min(fitting)
        else:
            shift = 0
            if None in self.forms:
                k = self.forms.index(None)
            else:
                others = [j for j in range(8) if j != self.dominant]
                k = min(others, key=lambda j: (self.recent(j), self.forms[j]["used"], j))
            self.beats = [None if j == k else j for j in self.beats]
            self.forms[k] = {"mean": np.zeros(100, np.float32), "count": 0, "early": 0.0,
                             "odd": 0.0, "width": 0.0, "pace": 0.0,
                             "number": self.number(k, wave)}  # fmt: skip
        form = self.forms[k]
        form["count"] += 1
        gain = 1.0 / min(form["count"], 16)
        for i in range(100):
            if 0 <= i + shift < 100:
                form["mean"][i] += gain * (wave[i + shift] - form["mean"][i])
        width = width_ms(wave, shift)
        before = form["width"] if form["count"] > 1 else width
        form["width"] = f32(before + gain * (width - before))
        form["used"] = len(self.beats)
        self.beats.append(k)
        return k

    def number(self, place, wave):
        """Give the number of the form whose QRS is most alike, else moved further, or a new one."""
        others = [one for k, one in enumerate(self.forms) if k != place and one is not None]
        number = None
        for like, least in (
            (qrs_correlation, self.p.same_qrs),
            (moved_correlation, self.p.same_beat),
        ):
            alike = [(like(wave, one["mean"]), one["number"]) for one in others]
            best = max(alike, key=lambda one: one[0], default=(-1.0, None))
            if number is None and best[0] >= least:
                number = best[1]
        if number is None:
            number = self.n_forms
            self.n_forms = (number + 1) % 100
        return number

    def find_dominant(self):
        p, known = self.p, [k for k in range(8) if self.forms[k] is not None]
        width = now["width"] if (now := self.forms[self.dominant]) else 0.0
        fair = []
        for k in known:
            form = self.forms[k]
            calm = form["pace"] > p.sustained_rr_ms or form["width"] < width + p.form_wide_ms
            lasting = calm and self.recent(k) >= p.overwhelming * 180
            if lasting or form["odd"] <= p.odd_share:
                fair.append(k)
        if not fair:
            return self.dominant
        top = max(fair, key=lambda k: (self.recent(k), -k))
        settled = now is not None and now["count"] >= p.settled and self.recent(top) < p.settled
        if settled and now["odd"] <= p.odd_share:
            return self.dominant
        best = top
        for k in known:
            form = self.forms[k]
            often = self.recent(k) >= p.dominant_share * self.recent(top)
            narrower = form["width"] < self.forms[best]["width"] - p.wide_ms
            if often and form["odd"] <= p.odd_share and narrower:
                best = k
        return best

    def name(self, m, k):
        label, rule = self.name_by_form(m, k)
        odd = rule in ("early_odd", "wide_odd", "turned")
        if odd and not m["af"] and self.unseen > self.p.unseen_share:
            return Q, "never_twice"
        trusted = rule in ("first_beats", "dominant", "near_dominant", "dominant_qrs")
        trusted = trusted or self.forms[k]["count"] >= self.p.settled
        limit = self.p.doubt_v if label == V else self.p.doubt
        if label != Q and not trusted and m["doubt"] > limit:
            return Q, "doubtful"
        if label != Q and not m["af"] and k != self.dominant and self.is_fusion(m):
            return F, "fusion"
        early = self.p.premature.early
        abrupt = m["rr"] < self.p.premature.abrupt * m["rr_before"]
        judged = m["n"] >= 4 and self.label_before != V and not m["af"]
        if label == N and judged and m["pace_share"] < early and (self.in_run or abrupt):
            return S, "early"
        return label, rule

    def is_fusion(self, m):
        p = self.p.fusion
        if m["c"] > p.unlike or not p.earliest < m["early"] < p.latest:
            return False
        lead = self.forms[self.dominant]
        ventricular = [
            k for k, form in enumerate(self.forms)
            if form is not None and k != self.dominant and form["count"] >= 4
            and form["odd"] > p.v_share and form["width"] >= lead["width"] + p.v_wide_ms
        ]  # fmt: skip
        if not ventricular:
            return False
        form = self.forms[max(ventricular, key=lambda k: (self.recent(k), -k))]
        left, a, b = fit_sum(m["wave"], lead["mean"], form["mean"])
        return left < p.left and a > p.least_dominant and p.least_v < b < p.most_v

    def name_by_form(self, m, k):  # noqa: PLR0911 - a list of rules
        p, form, af = self.p, self.forms[k], m["af"]
        early = m["early"] < p.early
        profile = form["width"] - self.forms[self.dominant]["width"]
        if m["n"] < 4:
            return N, "first_beats"
        if k == self.dominant or (m["c"] >= p.fit_correlation and m["d"] <= p.fit_distance):
            return N, "dominant"
        if m["noise"] > p.noise_share:
            return Q, "noise"
        v_form = form["count"] >= p.form_beats and form["odd"] > p.odd_share
        if (form["count"] >= p.form_beats and m["form_early"] < p.form_early
                and (form["odd"] <= p.odd_share or m["fits"] < p.steady)
                and m["c"] > p.form_correlation and profile < p.form_wide_ms
                and m["ratio"] < p.form_ratio):  # fmt: skip
            return N, "regular_form"
        near = m["c"] >= p.near_correlation and m["d"] <= p.near_distance
        if near and (m["wide"] < p.as_wide_ms or not early):
            return N, "near_dominant"
        if m["start"] < p.same_start and not v_form:
            return N, "same_start"
        if af and self.is_odd_in_af(m):
            return V, "early_in_af"
        alike = p.dominant_qrs_early if m["early"] < p.very_early else p.dominant_qrs
        if m["qrs"] >= alike and m["wide"] < p.as_wide_ms:
            return N, "dominant_qrs"
        mostly_v = v_form and form["odd"] > p.mostly_odd
        if m["early"] < p.aberrant_early and m["start"] < p.aberrant_start and not mostly_v:
            return N, "aberrant"
        like = m["c"] > p.af_correlation and m["ratio"] < p.af_ratio
        if af and (like or (m["start"] < p.af_start and m["wide"] < p.very_wide_ms)):
            return N, "aberrant"
        if af and form["count"] <= 2 and m["ratio"] < p.af_rare_ratio:
            return N, "aberrant"
        usual = m["rr"] > p.sustained_rr_ms and p.sustained_early < m["early"] < p.late
        if self.alike >= p.sustained and profile < p.form_wide_ms and usual:
            return N, "sustained"
        if v_form:
            return V, "odd_template"
        if not af and self.is_turned(m):
            return V, "turned"
        needed = p.early_distance if m["early"] < p.slightly_early else p.slightly_early_distance
        if not af and m["early"] < p.early_v and m["d"] > needed:
            return V, "early_odd"
        narrow = (m["start"] < p.on_time_start and m["wide"] < p.on_time_wide_ms
                  and m["ratio"] < p.form_ratio)  # fmt: skip
        rare = form["count"] <= 2 and m["ratio"] < p.rare_ratio
        if not af and p.early_v < m["early"] < p.on_time_late and (narrow or rare):
            return N, "on_time"
        far = m["d"] > p.odd_distance and (
            m["wide"] > p.wide_ms or (af and m["c"] < p.odd_correlation and m["wide"] > -p.wide_ms)
        )
        if far or (m["wide"] > p.very_wide_ms and m["c"] < p.near_correlation):
            return V, "wide_odd"
        return N, "unmatched"

    def is_odd_in_af(self, m):
        p = self.p
        if m["early"] >= p.af_early or m["start"] <= p.af_unlike_start:
            return False
        unlike = m["c"] < p.af_unlike and m["wide"] > -p.wide_ms
        return self.unseen < p.mostly_seen and (unlike or m["ratio"] > p.af_larger)

    def is_turned(self, m):
        p = self.p
        return (
            m["c"] < p.turned_correlation and m["start"] > p.turned_start
            and self.forms[self.dominant]["count"] >= p.settled
            and m["wide"] > p.as_wide_ms and m["ratio"] < p.rare_ratio
        )  # fmt: skip

    def second_look_at_pause(self, rr):
        """Give the rule by which the interval after the newest beat makes it V, or None."""
        p, m = self.p, self.now
        pause = m["early"] * rr / m["rr"]
        own = (m["c"] < p.odd_correlation and m["wide"] > -p.as_wide_ms
               and m["start"] > p.aberrant_start)  # fmt: skip
        usual = p.early < m["early"] < p.on_time_late and self.unseen < p.mostly_seen
        by_form = self.rule in ("on_time", "unmatched", "sustained")
        longer = pause > p.pause and rr > p.premature.pause * m["rr"]
        steady = len(self.fits) >= 16 and m["fits"] >= p.steady
        steady = steady and self.forms[self.dominant]["count"] >= p.settled
        if self.label == N and by_form and usual and own and longer and steady:
            return "late_pause"
        apart = m["c"] < p.fit_correlation and m["d"] > p.early_distance
        apart = apart and m["start"] >= p.same_start
        made_up = abs(m["early"] + pause - 2) < p.compensated
        if self.label == S and apart and m["early"] < p.very_early and made_up:
            return "compensated"
        return None

    def second_look(self, rr):
        """Give a new label and rule for the newest beat, or None, once the next RR is known."""
        p, m = self.p, self.now
        if m["af"]:
            return None
        if self.label != V:
            rule = self.second_look_at_pause(rr)
            if rule is None:
                return self.second_look_at_time(rr)
            form = self.forms[m["k"]]
            form["odd"] = f32(form["odd"] + 1.0 / min(form["count"], 16))
            return V, rule
        if (m["early"] < p.early and m["early"] * (1 + rr / m["rr"]) <= p.late
                and m["ratio"] < p.extra_ratio):  # fmt: skip
            return Q, "extra"
        on_time = p.early_v < m["early"] < p.late and abs(rr / m["rr"] - 1) <= p.regular
        known = self.forms[m["k"]]["count"] >= p.no_pause_beats
        plain = (
            (m["wide"] < p.on_time_wide_ms or not known)
            and m["form_early"] <= p.form_early
            and m["ratio"] <= p.on_time_ratio
            and not self.is_turned(m)
        )
        hardly_early = p.slightly_early < m["early"] <= p.early_v and self.rule == "early_odd"
        narrow = m["wide"] < p.wide_ms and m["early"] * rr / m["rr"] < p.pause
        if on_time and plain:
            form = self.forms[m["k"]]
            form["odd"] = f32(form["odd"] - 1.0 / min(form["count"], 16))
        elif not (hardly_early and narrow):
            return None
        return N, "no_pause"

    def second_look_at_time(self, rr):
        p, m = self.p.premature, self.now
        share, this = m["pace_share"], m["rr"]
        if self.in_run or self.label_before == V:
            return None
        same = p.same_low * this < rr < p.same_high * this
        if self.label == S and share > p.much and same:
            return N, "same_pace"
        abrupt = this < p.hardly_early * m["rr_before"]
        pause = rr * share > p.pause * this
        if self.label == N and abrupt and share < p.hardly_early and pause:
            return S, "early_pause"
        return None

    def learn_pace(self, rr):
        self.since_calm += 1
        if self.label == N and self.label_before in (0, N) and rr > 0:
            self.calm_rr.append(f32(rr))
            self.since_calm = 0
        self.in_run = self.label == S or (self.label == Q and self.in_run)
        if self.now["af"] or self.since_calm >= self.p.premature.longest_run:
            self.calm_rr = [f32(x) for x in self.normal_rr[-8:]]
            self.since_calm = 0
            self.in_run = self.label == S

    def learn(self, rr):
        self.learn_pace(rr)
        if not rr > 0 or {V, Q} & {self.label, self.label_before}:
            return
        if self.normal_rr:
            usual = float(np.median(self.normal_rr[-8:]))
            last = self.normal_rr[-1]
            near = abs(rr - usual) <= 0.125 * usual or abs(rr - last) <= 0.125 * last
            self.fits.append(near)
        self.normal_rr.append(rr)

    def hear_quality(self, t_ns, score):
        self.flaw, self.flaw_ns = 1.0 - score, t_ns

    def doubt(self, t_ns):
        """Sum up what speaks for noise: the second, forms of late, the size."""
        flaw = self.flaw if t_ns - self.flaw_ns <= 2_000_000_000 else 0.0
        larger = float(np.clip((self.now["ratio"] - 2.5) / 2, 0, 1))
        return flaw + self.unseen * (1 + 2 * larger)

    def hear(self, t_ns, rr, noise_mv, wave):
        """Take a beat; give the lines (label, rule, revised, place) that follow from it."""
        lines = []
        if self.now is not None:
            other = self.second_look(rr) if rr > 0 else None
            if other:
                self.label = other[0]
                lines.append((*other, True, self.forms[self.now["k"]]["number"]))
            self.learn(self.now["rr"])
        n = len(self.beats)
        before = self.now["k"] if self.now else None
        k = self.place(wave)
        self.alike = self.alike + 1 if before == k else 1
        self.dominant = self.find_dominant()
        lead = self.forms[self.dominant]
        c, shift, difference, beat, size = compare(wave, lead["mean"])
        usual = float(np.median(self.normal_rr[-8:])) if self.normal_rr else math.nan
        fits = self.fits[-48:]
        form = self.forms[k]
        share = sum(fits) / len(fits) if len(fits) >= 16 else 1.0
        pace = float(np.median(self.calm_rr[-8:])) if len(self.calm_rr) >= 4 else math.nan
        self.now = {
            "fits": share, "af": share < 1 - self.p.irregular_share, "pace_share": rr / pace,
            "rr_before": self.now["rr"] if self.now else math.nan,
            "wave": wave, "n": n, "k": k,
            "c": c, "d": difference / (size + 1e-9), "ratio": beat / (size + 1e-9),
            "wide": width_ms(wave, shift) - lead["width"],
            "early": rr / usual if rr > 0 and usual > 0 else 1.0, "rr": rr,
            "noise": noise_mv / (np.abs(wave[27:57]).max() + 1e-9),
            "start": start_distance(wave, lead["mean"]), "form_early": form["early"],
            "qrs": 1.0 if k == self.dominant else qrs_correlation(wave, lead["mean"]),
        }  # fmt: skip
        self.label_before = self.label
        self.unseen += (float(form["count"] == 1) - self.unseen) / 16
        self.now["doubt"] = self.doubt(t_ns)
        self.label, self.rule = self.name(self.now, k)
        gain = 1.0 / min(form["count"], 16)
        early, odd = float(self.now["early"] < self.p.early), float(self.label == V)
        form["early"] = f32(form["early"] + gain * (early - form["early"]))
        form["odd"] = f32(form["odd"] + gain * (odd - form["odd"]))
        if rr > 0:
            so_far = form["pace"] or rr
            form["pace"] = f32(so_far + gain * (rr - so_far))
        return [*lines, (self.label, self.rule, False, form["number"])]
