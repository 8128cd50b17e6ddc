"""All that is stored of one participant in a span of time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from alerts.alarm import AlarmChange
from alerts.audit import Audit
from processors.errors import SettingError
from processors.records import Chunk, Finding
from streams.stores import FEATURES, SCALARS, Acknowledgement, Series, Store, StoredStrip
from streams.stores.waveforms import Waveforms

_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Content:
    """What is exported.

    Attributes
    ----------
    waveforms
        Runs without a break, by signal, variant, device and time.
    series
        Features and scalar values by kind and name.
    findings, alarm_changes
        All that was told of each, in its order: of findings told and alarms changed in the span.
    """

    participant: str
    from_ns: int
    until_ns: int
    waveforms: list[Chunk]
    series: dict[tuple[str, str], Series]
    findings: list[Finding]
    alarm_changes: list[AlarmChange]
    acknowledgements: list[Acknowledgement]
    audit: list[Audit]
    strips: list[StoredStrip]


def gather(
    store: Store, archive: Waveforms, participant: str, from_ns: int, until_ns: int
) -> Content:
    """Read everything with ``from_ns <= t < until_ns``.

    Raises
    ------
    SettingError
        Nothing is stored of that participant.
    """
    known = {person.id for person in store.participants()}
    if participant not in known and participant not in archive.participants():
        raise SettingError("--participant", f"nothing is stored of {participant!r}")
    series = {
        (kind, name): rows
        for kind in (FEATURES, SCALARS)
        for name in store.names(kind)
        if len((rows := store.series(kind, name, participant, from_ns, until_ns)).t_ns)
    }
    told = store.findings(participant, since_ns=from_ns, limit=_ALL)
    findings = [
        each
        for finding in sorted(told, key=lambda f: (f.onset_ns, f.id))
        for each in store.finding_history(finding.id)
        if from_ns <= each.t_ns < until_ns
    ]
    alarms = store.alarms(participant, since_ns=from_ns, limit=_ALL)
    changes = [
        change
        for alarm in sorted(alarms, key=lambda a: (a.onset_ns, a.id))
        for change in store.alarm_history(alarm.id)
        if from_ns <= change.t_ns < until_ns
    ]
    return Content(
        participant,
        from_ns,
        until_ns,
        archive.read(participant, from_ns=from_ns, until_ns=until_ns),
        series,
        findings,
        changes,
        [a for a in store.acknowledgements(participant) if from_ns <= a.t_ns < until_ns],
        [a for a in store.audit(participant, since_ns=from_ns, limit=_ALL) if a.t_ns < until_ns],
        list(store.strips(_ids(findings)).values()),
    )


def _ids(findings: Iterable[Finding]) -> list[str]:
    return list(dict.fromkeys(finding.id for finding in findings))


def runs_by_kind(waveforms: Iterable[Chunk]) -> dict[tuple[object, ...], list[Chunk]]:
    """Sort runs by all that a file with one header has one of."""
    kinds: dict[tuple[object, ...], list[Chunk]] = {}
    for run in waveforms:
        key = (run.signal, run.variant, run.device, run.channels, run.fs_hz, run.scale, run.offset,
               run.samples.dtype.str, run.samples.shape[1])  # fmt: skip
        kinds.setdefault(key, []).append(run)
    return kinds


def stream_name(run: Chunk) -> str:
    """Give the name of a run's signal and variant, as files have it."""
    return run.signal + (f"-{run.variant}" if run.variant else "")


def channel_names(run: Chunk) -> list[str]:
    """Give a name for each column, those of `SIGNALS` where the device gave none."""
    from processors.signals import SIGNALS

    n = run.samples.shape[1]
    spec = SIGNALS.get(run.signal)
    known = list(run.channels) or [c.name for c in spec.channels] if spec else list(run.channels)
    names = [known[c] if c < len(known) else f"{run.signal}_{c + 1}" for c in range(n)]
    return names if len(set(names)) == n else [f"{name}_{c + 1}" for c, name in enumerate(names)]


def unit_of(run: Chunk) -> str:
    """Give the unit of a run's signal."""
    from processors.signals import SIGNALS

    return SIGNALS[run.signal].unit if run.signal in SIGNALS else "1"
