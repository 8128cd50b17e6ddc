"""Patterns of V beats, the slow way: every question is answered from the whole list of beats."""

from __future__ import annotations

from dataclasses import dataclass

S = 1_000_000_000
CODES = (
    "vt", "vt_nonsustained", "ventricular_rhythm", "ventricular_bradycardia", "pvc_run",
    "pvc_couplet", "pvc_r_on_t", "pvc_bigeminy", "pvc_trigeminy", "pvc_frequent", "pvc_multiform",
)  # fmt: skip


@dataclass
class Beat:
    r: int
    first_known: int
    first: int  # label at first
    label: int
    rr: float
    form: int
    settled: int = 0
    silent: bool = False  # settled by silence: a break follows
    gap: bool = False  # a gap before it
    dropped: bool = False  # never settled: fibrillation came first


def beats_of(records, until):
    """Give the beats that count; fibrillation drops the one that waits and those within it."""
    beats, fibrillates, bad = [], False, False
    for t, source, v in records:
        if source == 1:
            fibrillates = v[0] == 2
            if fibrillates and beats and not beats[-1].silent:
                beat = beats[-1]
                over = beat.first_known + 5 * S
                if t <= over:
                    beat.dropped = beat.silent = True
                else:
                    beat.settled, beat.silent = over, True
            continue
        if source == 2:
            bad = v[0] < 0.5
            continue
        if fibrillates:
            continue
        label = 5 if bad and v[1] == 3 else int(v[1])
        r = t - int(v[0])
        waiting = beats and not beats[-1].silent and t <= beats[-1].first_known + 5 * S
        if beats and not waiting and not beats[-1].silent:
            beats[-1].settled, beats[-1].silent = beats[-1].first_known + 5 * S, True
        if v[3]:
            if waiting and beats[-1].r == r:
                beats[-1].label, beats[-1].form = label, int(v[5])
            continue
        if waiting:
            beats[-1].settled = t
        beats.append(Beat(r, t, label, label, v[4], int(v[5]), gap=not v[4] > 0))
    if beats and not beats[-1].settled and not beats[-1].dropped:
        over = beats[-1].first_known + 5 * S
        if over <= until:
            beats[-1].settled, beats[-1].silent = over, True
    return beats


class Teller:
    def __init__(self):
        self.said = {code: [] for code in CODES}
        self.on = {}
        self.run = []  # (R, place) of settled V
        self.place = 0
        self.unread = 0
        self.fast_since = None
        self.cycle = ""  # settled N (n) and V (v) since the last break
        self.before = []  # R of settled beats that are not Q
        self.v = []
        self.forms = []
        self.normal = []
        self.many = False
        self.mean, self.n_mean, self.last_label = 0.0, 0, 0
        self.early_v = None
        self.rare_due = None
        self.run_is_vt = False
        self.waves = 0

    def point(self, code, onset, t, rate=None):
        self.said[code].append((onset, onset, t, 2, rate))

    def lasting(self, code, holds, onset, end, t, rate=None):
        if holds and code not in self.on:
            self.on[code] = onset
            self.said[code].append((onset, onset, t, 0, rate))
        elif not holds and code in self.on:
            self.said[code].append((self.on.pop(code), end, t, 1, rate))

    def end_run(self, t):
        run, rate = self.run, None
        told = False
        if len(run) >= 2:
            part = run[-6:]
            rate = 60e9 * (part[-1][1] - part[0][1]) / (part[-1][0] - part[0][0])
        for code in ("vt", "ventricular_rhythm", "ventricular_bradycardia"):
            told = told or code in self.on
            if code == "vt" and self.waves == 1:
                continue
            self.lasting(code, False, 0, run[-1][0] if run else None, t, rate)
        if len(run) >= 2 and not told:
            if len(run) == 2:
                self.point("pvc_couplet", run[0][0], t, rate)
            elif len(run) < 6 and rate >= 130:
                self.point("vt_nonsustained", run[0][0], t, rate)
            elif len(run) < 5:
                self.point("pvc_run", run[0][0], t, rate)
        self.run, self.place, self.fast_since, self.run_is_vt = [], 0, None, False

    def take_waves(self, t, v):
        kind, at, rate = int(v[0]), t - int(v[1]), v[2]
        was, self.waves = self.waves, kind
        ended = {
            2: ("vt", "ventricular_rhythm", "ventricular_bradycardia"),
            1: ("ventricular_rhythm", "ventricular_bradycardia"),
            0: ("vt",) if was == 1 and not self.run_is_vt else (),
        }[kind]
        for code in ended:
            self.lasting(code, False, 0, max(at, self.on.get(code, at)), t, rate)
        if kind == 1:
            self.lasting("vt", True, at, at, t, rate)
        if kind == 2:
            self.run, self.last_label = [], 5
            self.end_run(t)
            self.break_patterns(t)

    def watch(self, beat):
        count = len(self.run) + 1
        if count < 5:
            return
        part = [*self.run, (beat.r, self.place)][-6:]
        first = part[0][0]
        rate = 60e9 * (part[-1][1] - part[0][1]) / (beat.r - first)
        if rate < 100:
            self.fast_since = None
        elif self.fast_since is None:
            self.fast_since = first
        long = self.fast_since is not None and beat.r - self.fast_since >= 30 * S
        is_vt = (count >= 6 and rate >= (123.5 if self.run_is_vt else 130)) or long
        self.run_is_vt = is_vt
        is_vt = is_vt or self.waves == 1
        slow = rate < (42 if "ventricular_bradycardia" in self.on else 40) and not is_vt
        rhythm = not is_vt and not slow and (rate < 130 or "ventricular_rhythm" in self.on)
        t = beat.first_known
        self.lasting("vt", is_vt, self.fast_since if long else first, beat.r, t, rate)
        self.lasting("ventricular_rhythm", rhythm, first, beat.r, t, rate)
        self.lasting("ventricular_bradycardia", slow, first, beat.r, t, rate)

    def cycles(self, size):
        """Count the N V (size 2) or N N V (size 3) cycles that the story ends with."""
        text = self.cycle
        tail = len(text) - len(text.rstrip("n"))
        if tail >= size:
            return 0
        text = text[: len(text) - tail]
        unit, n = "n" * (size - 1) + "v", 0
        while text.endswith(unit):
            text, n = text[: -len(unit)], n + 1
        return n

    def break_patterns(self, t):
        self.cycle = ""
        end = self.before[-1] if self.before else None
        self.lasting("pvc_bigeminy", False, 0, end, t)
        self.lasting("pvc_trigeminy", False, 0, end, t)
        self.early_v = None

    def settle(self, beat):
        t = beat.settled
        if beat.label == 5:
            self.place += bool(self.run)
            self.unread += 1
            if self.unread == 3:
                self.end_run(t)
                self.break_patterns(t)
                self.last_label = 5
            return
        self.unread = 0
        if self.early_v is not None:
            r, mean = self.early_v
            self.early_v = None
            if beat.rr >= 1.25 * mean:
                self.point("pvc_r_on_t", r, t)
        is_v = beat.label == 3
        if is_v:
            self.run.append((beat.r, self.place))
            self.place += 1
            self.v.append(beat.r)
            last = self.v[-10:]
            if len(last) == 10 and beat.r - last[0] <= 60 * S:
                self.rare_due = last[0] + 60 * S
                self.lasting("pvc_frequent", True, last[0], beat.r, t)
            if self.mean > 600 and beat.rr < self.mean / 3:
                self.early_v = (beat.r, self.mean)
        else:
            self.end_run(t)
            if beat.label == 1 and self.last_label == 1 and beat.rr > 0:
                self.n_mean = min(self.n_mean + 1, 16)
                self.mean += (beat.rr - self.mean) / self.n_mean
        if beat.label == 1:
            self.normal = [*self.normal, beat.form][-8:]
        of_v = is_v and beat.form not in self.normal
        self.forms = [*self.forms, beat.form if of_v else -1][-15:]
        many = len({form for form in self.forms if form >= 0}) > 1
        if many and not self.many and of_v:
            self.many = True
            self.point("pvc_multiform", beat.r, t)
        elif not many:
            self.many = False
        if beat.label == 4:
            self.break_patterns(t)
        else:
            self.cycle += "v" if is_v else "n"
            # A first cycle may follow more normal beats than it has itself.
            for code, size in (("pvc_bigeminy", 2), ("pvc_trigeminy", 3)):
                n = self.cycles(size)
                start = None
                if n >= 3:
                    start = [*self.before, beat.r][-size * n]
                self.lasting(code, n >= 3, start, beat.r, t)
        self.last_label = beat.label
        self.before.append(beat.r)

    def rare(self, limit):
        if "pvc_frequent" in self.on and self.rare_due + 5 * S <= limit:
            self.lasting("pvc_frequent", False, 0, self.rare_due, self.rare_due + 5 * S)


def findings(records, until):
    """Give (onset, at, t, state, rate of the run or None) by code."""
    beats = beats_of(records, until)
    teller = Teller()
    moments = []
    for k, beat in enumerate(beats):
        if beat.settled:
            # What a new beat settles is settled before that beat is looked at.
            moments.append((beat.settled, 1 if beat.silent else 2, k, "settle"))
        moments.append((beat.first_known, 2, k, "known"))
    # What the waves have become comes after a beat of the same time.
    moments += [(t, 3, v, "waves") for t, source, v in records if source == 1]
    for t, order, k, what in sorted(moments, key=lambda m: (m[0], m[1], m[2], m[3] == "known")):
        teller.rare(t - (order >= 2))
        if what == "waves":
            teller.take_waves(t, k)
            continue
        beat = beats[k]
        if what == "settle":
            teller.settle(beat)
            if beat.silent:
                teller.end_run(t)
                teller.break_patterns(t)
        else:
            if beat.gap:
                teller.end_run(t)
                teller.break_patterns(t)
                teller.last_label = 5
            if beat.first == 3:
                teller.watch(beat)
    teller.rare(until)
    return {code: rows for code, rows in teller.said.items() if rows}
