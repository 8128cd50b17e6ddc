"""Lead off and poor signal by looking at whole lists of seconds, second by second."""

from __future__ import annotations

NS = 1_000_000_000
QUALITY, LEAD = 0, 1


def findings(records, until_ns, *, seconds=3, fair=0.5, silent_s=5.0):
    """Give ``(code, state word, onset, at, known)`` in the order they become known.

    `records` are ``(t_ns, source, values)`` in order of time.
    """
    silent = round(silent_s * NS)
    said = []  # what becomes known: (t, at, lead off, poor)
    device = False
    runs = {"lead_off": [], "poor_signal": []}
    signal = {"lead_off": False, "poor_signal": False}
    newest = None

    def state(at, t):
        off = device or signal["lead_off"]
        said.append((t, at, off, signal["poor_signal"] and not off))

    def silence(t):
        nonlocal newest
        if newest is not None and newest + silent <= t:
            for code in runs:
                runs[code], signal[code] = [], False
            state(newest, newest + silent)
            newest = None

    for t, source, values in records:
        silence(t - 1)
        if source == LEAD:
            device = values[0] != 0
            state(t, t)
            continue
        newest = t
        off = values[1] == 0
        for code, says in (("lead_off", off), ("poor_signal", values[0] < fair and not off)):
            if says == signal[code]:
                runs[code] = []
                continue
            runs[code].append(t)
            if len(runs[code]) == seconds:
                signal[code] = says
                state(runs[code][0] - NS, t)
                runs[code] = []
    silence(until_ns)
    return _changes(said)


def _changes(said):
    found = []
    for index, code in ((2, "lead_off"), (3, "poor_signal")):
        on, onset, end = False, 0, 0
        for row in said:
            t, at = row[0], row[1]
            if row[index] and not on:
                onset = max(at, end)
                found.append((code, "onset", onset, onset, t))
            elif on and not row[index]:
                end = max(at, onset)
                found.append((code, "offset", onset, end, t))
            on = row[index]
    return sorted(found)
