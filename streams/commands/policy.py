"""``vitals policy``: check a policy, explain an alarm, ask what another policy would have done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.opening import open_store
from streams.commands.options import Config, Data

if TYPE_CHECKING:
    from alerts.alarm import Alarm
    from alerts.burden import Burden
    from alerts.whatif import Acknowledged, Difference
    from streams.stores import Store

policy = typer.Typer(
    help="Check a policy; explain and count alarms.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

FAULTY = 1  # exit status; 2 is an error of the user's to mend

_Since = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="From then on: 24h or 7d before the newest finding, or 2026-11-25T08:00.",
    ),
]
_File = Annotated[
    Path | None, typer.Argument(help="A policy; left out: the shipped one.", metavar="[FILE]")
]


@policy.command()
def check(file: _File = None) -> None:
    """Say what is wrong with a policy file, all of it at once; exit status 1 if anything is.

    Unknown codes, roles and keys with the nearest known ones; gaps in a rota; limits that
    contradict each other; high alarms whose escalation ends with the first recipient.
    """
    from alerts.check import check_policy
    from alerts.policy import load_policy

    problems = check_policy(file)
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise typer.Exit(FAULTY)
    rules = load_policy(file).rules
    typer.echo(f"{file or 'the shipped policy'}: in order, {len(rules)} codes")


@policy.command()
def explain(
    alarm: Annotated[str, typer.Argument(help="Id of an alarm, or its beginning.")],
    data: Data = None,
    config: Config = None,
    file: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="The policy in force then.")
    ] = None,
) -> None:
    """Say why an alarm was there: onset, emission, numbers, limits, rule; English and Korean."""
    from alerts.explain import explain as explained
    from alerts.policy import load_policy
    from processors.errors import SettingError
    from streams.config import load

    settings = load({"data": data, "policy": file}, file=config)
    policy = load_policy(settings.policy)
    store = open_store(settings)
    try:
        key = alarm
        if not store.alarm_history(key):
            every = store.alarms(limit=_ALL)
            key = next((one.id for one in every if one.id.startswith(alarm)), "")
        history = store.alarm_history(key) if key else []
        values = list(_values_then(store, history[0].alarm)) if history else []
    finally:
        store.close()
    if not history:
        raise SettingError("ALARM", f"no alarm {alarm!r} is stored")
    said = explained(history[-1].alarm, policy)
    typer.echo("\n".join(said.english()))
    typer.echo("\n".join(said.korean()))
    typer.echo("values at the time:")
    for line in values:
        typer.echo(f"  {line}")
    typer.echo("changes:")
    for change in history:
        after_s = (change.t_ns - history[0].t_ns) / 1e9
        by = f" by {change.alarm.acknowledged_by}" if change.kind == "acknowledged" else ""
        typer.echo(f"  {after_s:+10.1f} s  {change.kind}{by}")


@policy.command("what-if")
def what_if(
    other: Annotated[Path, typer.Argument(help="The policy to try.", metavar="POLICY")],
    since: _Since = "24h",
    data: Data = None,
    config: Config = None,
    file: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="The policy to compare with.")
    ] = None,
) -> None:
    """Replay stored findings under two policies: how many alarms would have sounded, for whom.

    People acknowledge as they did; nobody pauses anything.
    """
    from alerts.policy import load_policy
    from alerts.whatif import by_code, by_recipient, outcome, replay
    from streams.config import load

    settings = load({"data": data, "policy": file}, file=config)
    policies = load_policy(settings.policy), load_policy(other)
    store = open_store(settings)
    try:
        since_ns = _since_ns(since, store)
        told = store.findings(since_ns=since_ns, limit=_ALL)
        findings = [one for last in told for one in store.finding_history(last.id)]
        acts = list(_acts(store, since_ns))
        people = store.participants()
    finally:
        store.close()
    before, after = (outcome(replay(findings, acts, each, people)) for each in policies)
    typer.echo(f"{len(told)} findings of {len({one.participant for one in told})} participants")
    _table(("code", "priority", "before", "after", "change"), by_code(before, after))
    typer.echo(f"{'all':<45}{before.total:>8}{after.total:>8}{after.total - before.total:>+8}")
    typer.echo("")
    _table(("recipient", "before", "after", "change"), by_recipient(before, after))


@policy.command()
def burden(
    since: _Since = "24h",
    data: Data = None,
    config: Config = None,
    watched_h: Annotated[
        float | None,
        typer.Option(
            metavar="H", min=0, help="Hours watched, of all people together (from the heart rates)."
        ),
    ] = None,
) -> None:
    """Count alarms per person and day, how useful they were, and how soon they were answered.

    Of whole days (UTC), the one of TIME included. Times of answers are right to 9 %.
    """
    from streams.config import load
    from streams.stores.burden import read_burden

    store = open_store(load({"data": data}, file=config))
    try:
        since_ns = _since_ns(since, store)
        seconds = None if watched_h is None else 3600 * watched_h
        told = read_burden(store, since_ns, 2**62, seconds)
    finally:
        store.close()
    typer.echo(f"since {_day(since_ns)} 00:00 UTC")
    for line in _lines(told):
        typer.echo(line)


_ALL = 10_000_000
_DAY_S = 86_400.0  # older values do not explain an alarm


def _values_then(store: Store, alarm: Alarm) -> Iterable[str]:
    """Say the newest stored value of each signal, and the heart rate, when an alarm was told."""
    from processors.signals import SIGNALS
    from streams.stores import FEATURES, SCALARS

    told_ns = alarm.raised_ns or alarm.t_ns
    names = [(FEATURES, "heart_rate", 10.0)]
    for spec in SIGNALS.values():
        if not spec.waveform:
            names += [(SCALARS, spec.stream(v), v.stale_after_s) for v in spec.variants]
    for kind, name, stale_s in names:
        from_ns = told_ns - round(min(stale_s, _DAY_S) * 1e9)
        found = store.series(kind, name, alarm.participant, from_ns, told_ns + 1)
        if len(found.t_ns):
            pairs = zip(found.columns, found.values[-1].tolist(), strict=True)
            said = ", ".join(f"{column} {value:.4g}" for column, value in pairs)
            age_s = (told_ns - int(found.t_ns[-1])) / 1e9
            yield f"{name}: {said} ({age_s:.0f} s before)"


def _since_ns(text: str, store: Store) -> int:
    from datetime import UTC, datetime

    from processors.errors import SettingError

    sizes = {"m": 60, "h": 3600, "d": 86_400}
    try:
        if text[-1:] in sizes:
            newest = store.findings(limit=1)
            newest_ns = newest[0].t_ns if newest else 0
            return newest_ns - round(float(text[:-1]) * sizes[text[-1]] * 1e9)
        moment = datetime.fromisoformat(text)
    except ValueError:
        expected = f"expected 24h, 7d or a time as 2026-11-25T08:00, found {text!r}"
        raise SettingError("--since", expected) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9)


def _day(t_ns: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(t_ns // 10**9, UTC).date().isoformat()


def _acts(store: Store, since_ns: int) -> Iterable[Acknowledged]:
    from alerts.whatif import Acknowledged

    for person in store.participants():
        for act in store.acknowledgements(person.id):
            history = store.alarm_history(act.alarm_id) if act.t_ns >= since_ns else []
            if history:
                yield Acknowledged(act.t_ns, person.id, history[0].alarm.code, act.by)


def _table(head: Sequence[str], rows: Sequence[Difference]) -> None:
    widths = [30, 15] if len(head) == 5 else [45]
    names = "".join(f"{name:<{width}}" for name, width in zip(head[:-3], widths, strict=True))
    typer.echo(names + "".join(f"{name:>8}" for name in head[-3:]))
    for row in rows:
        names = "".join(f"{name:<{width}}" for name, width in zip(row.name, widths, strict=True))
        typer.echo(f"{names}{row.before:>8}{row.after:>8}{row.after - row.before:>+8}")


def _lines(told: Burden) -> Iterable[str]:
    yield f"{told.person_days:.2f} person-days, {told.alarms} alarms, {told.audible} audible"
    yield f"audible per person and day: {_number(told.per_day)}"
    for name, rate in told.per_day_by_priority.items():
        yield f"  {name:<28}{_number(rate):>8}"
    for code, rate in told.per_day_by_code.items():
        yield f"  {code:<28}{_number(rate):>8}"
    yield f"judged useful: {_number(told.useful_share)} of {told.judged} that were judged"
    for name, times in told.answers.items():
        yield (
            f"acknowledged {name}: {times.n}, median {_seconds(times.median_s)}, "
            f"p90 {_seconds(times.p90_s)}"
        )
    if told.noisiest:
        loud = ", ".join(f"{code} {share:.0%}" for code, share in told.noisiest)
        yield f"most noise: {loud}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _seconds(value: float) -> str:
    """Give a time that is right to 9 %: no more than two digits of it mean anything."""
    return "-" if math.isnan(value) else f"{float(f'{value:.1e}'):g} s"
