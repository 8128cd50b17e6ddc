"""Pauses and asystole, the slow way: events are put into a line of time and told one by one."""

from __future__ import annotations

S = 1_000_000_000


def without_ripples(records):
    """Leave out beats that are tiny and unsure where the newest second was low."""
    kept, low, off = [], False, False
    for t, source, v in records:
        if source == 1:
            low = v[5] < 0.3 and v[1] > 0 and v[3] == 0 and v[6] >= 0.9 and not off
        elif source == 2:
            off = v[0] != 0
        elif source == 0 and not v[1] and low and abs(v[2]) < 0.1 and v[3] < 0.3:
            continue
        kept.append((t, source, v))
    return kept


def standing_beats(records):
    """Give (decided, R, after a gap) of the beats that were not taken back within 200 ms."""
    beats = []
    for t, source, v in records:
        if source != 0:
            continue
        r = t - int(v[0])
        if v[1] == 0:
            beats.append([t + S // 5, r, bool(v[5]), t])
        else:
            taken = [b for b in beats if b[1] == r and b[0] >= t]
            if taken:
                beats.remove(taken[0])
    return beats


class Story:
    """What is known at a moment, as plain lists."""

    def __init__(self) -> None:
        self.said = {"asystole": [], "pause": [], "pauses_frequent": [], "missed_beat": []}
        self.r = None
        self.rows = []  # (second, good)
        self.activity = []  # mV of the rows since the last loss, much where it is not good
        self.rr = []
        self.long = []
        self.missed = None
        self.claimed = 0
        self.asystole = None
        self.frequent = None
        self.lead = None
        self.pulses = []

    def clear_since(self):
        start = None
        for i, (t, good) in enumerate(self.rows):
            lost = i == 0 or t - self.rows[i - 1][0] > 1.5 * S
            if not good:
                start = None
            elif start is None or lost:
                start = t - S
        return start

    def say(self, code, onset, at, t, state, revision=0, value=None):
        self.said[code].append((onset, at, t, state, revision, value))

    def beat(self, t, r, after_gap):
        if self.r is not None and r <= self.r:
            return
        if self.asystole is not None:
            self.say("asystole", self.asystole, r, t, 1)
            self.asystole = None
        since = self.clear_since()
        seen = (
            self.r is not None and not after_gap and since is not None
            and since <= self.r and t - self.rows[-1][0] <= 1.5 * S
        )  # fmt: skip
        if not seen:
            self.rr, self.missed = [], None
        else:
            self.interval(t, r, r - self.r)
        self.r, self.claimed = r, 0

    def interval(self, t, r, length):
        rr = length * 1e-6
        if length >= 3 * S:
            self.say("pause", self.r, self.r, t, 2, self.claimed, rr * 1e-3)
        if length >= 2 * S:
            self.long.append(r)
            last = self.long[-5:]
            if len(last) == 5 and r - last[0] <= 60 * S:
                if self.frequent is None:
                    self.say("pauses_frequent", last[0], last[0], t, 0)
                    self.frequent = [last[0], 0]
                self.frequent[1] = last[0] + 60 * S
        mean = sum(x / len(self.rr) for x in self.rr) if self.rr else 0.0
        regular = len(self.rr) == 8 and max(abs(x - mean) for x in self.rr) <= 0.2 * mean
        if self.missed is not None:
            start, long, usual = self.missed
            if abs(rr - usual) <= 0.2 * usual:
                self.say("missed_beat", start, start, t, 2, 0, long)
            self.missed = None
        if regular and rr >= (1000.0 if mean <= 600 else 1.75 * mean) and length < 3 * S:
            self.missed = (self.r, rr, mean)
        else:
            self.rr = [*self.rr, rr][-8:]

    def quality(self, t, v, pending):
        attached = min(v[1], 0.5)
        if self.lead is not None and attached > 0:
            attached = 0.0 if self.lead else 1.0
        good = attached > 0 and v[3] == 0 and (v[4] == 0 or v[5] < 0.3) and v[5] == v[5]
        good = good and v[6] >= 0.9
        lost = not self.activity or t - self.rows[-1][0] > 1.5 * S
        self.activity = [*([] if lost else self.activity), v[5] if good else 9.9]
        self.rows.append((t, good))
        pulsing = any(t - peak <= 4 * S for peak in self.pulses[-1:])
        if self.asystole is not None and (pulsing or not attached > 0):
            self.say("asystole", self.asystole, t, t, 1)
            self.asystole = None
        if not good or pending:
            return
        since = self.clear_since()
        whole = self.r is not None and since <= self.r
        start = self.r if whole else since
        if whole and not self.claimed and t - start >= 3.3 * S:
            self.claimed = 1
            self.say("pause", start, start, t, 2, 0, (t - start) * 1e-9)
        worn = (self.r is not None or attached == 1) and not pulsing
        low = len(self.activity) >= 3 and max(self.activity[-3:]) < 0.3
        needed = 4.3 if whole else 6.3
        if worn and self.asystole is None and t - start >= needed * S and low:
            self.asystole = start
            self.say("asystole", start, start, t, 0)

    def lead_off(self, t, off):
        self.lead = off
        if off:
            if self.rows:
                self.rows.append((self.rows[-1][0], False))
            if self.asystole is not None:
                self.say("asystole", self.asystole, t, t, 1)
                self.asystole = None

    def deadlines(self, limit):
        """Let what is over by the clock end, up to a time; give whether something did."""
        due = []
        if self.frequent is not None:
            due.append((self.frequent[1], "frequent"))
        if self.asystole is not None:
            due.append((self.rows[-1][0] + 3 * S // 2, "lost"))
        due = sorted(d for d in due if d[0] <= limit)
        if not due:
            return False
        t, what = due[0]
        if what == "frequent":
            self.say("pauses_frequent", self.frequent[0], t, t, 1)
            self.frequent = None
        else:
            self.say("asystole", self.asystole, self.rows[-1][0], t, 1)
            self.asystole = None
        return True


def findings(records, until_ns):
    """Give (onset, at, t, state, revision, value or None) by code."""
    records = without_ripples(records)
    beats = standing_beats(records)
    provisional = [(t, t - int(v[0])) for t, s, v in records if s == 0 and v[1] == 0]
    withdrawn = {t - int(v[0]): t for t, s, v in records if s == 0 and v[1] != 0}
    moments = [(t, 1, k, source, v) for k, (t, source, v) in enumerate(records) if source != 0]
    moments += [(b[0], 2, k, "beat", b) for k, b in enumerate(beats)]
    story = Story()
    for t, _, _, kind, v in sorted(moments, key=lambda m: m[:3]):
        if t > until_ns:
            break
        # A beat stands at its deadline; everything else comes after what was due before it.
        while story.deadlines(t - 1):
            pass
        if kind == "beat":
            story.beat(t, v[1], v[2])
        elif kind == 1:
            pending = any(
                u <= t <= u + S // 5 and not (r in withdrawn and withdrawn[r] <= t)
                for u, r in provisional
            )
            story.quality(t, v, pending)
        elif kind == 3:
            if v[3] >= 0.86:
                story.pulses.append(t - int(v[0]))
        else:
            story.lead_off(t, v[0] != 0)
    while story.deadlines(until_ns):
        pass
    return {code: rows for code, rows in story.said.items() if rows}
