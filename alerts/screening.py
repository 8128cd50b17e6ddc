"""Who is referred to a clinician after a day of an event, for what, and on which evidence.

It is a reading of findings that are there already; nothing is detected here. Not to be referred
is not the same as to be well: who was hardly watched is told apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from alerts.tables import check_keys, check_word, read_table, seconds
from processors.errors import SettingError
from processors.records import NS_PER_S, Finding
from registry.participants import Participant

SHIPPED: Final = Path(__file__).with_name("screening.toml")
ALL: Final = "all"  # the group of everybody
_KEYS: Final = ("category", "codes", "least_n", "least_s", "title", "title_ko")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One reason to refer.

    Attributes
    ----------
    category
        What people are counted by: arrhythmia, recovery.
    least_n, least_s
        It takes so many findings of these codes, each so long.
    """

    name: str
    category: str
    codes: tuple[str, ...]
    title: str
    title_ko: str
    least_n: int = 1
    least_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Criteria:
    """All reasons, in their order, and how long somebody must have been watched to be clear."""

    reasons: tuple[Criterion, ...]
    least_watched_s: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finding that counts, and how long it lasted; one that had not ended, up to then."""

    finding: Finding
    lasted_s: float


@dataclass(frozen=True, slots=True)
class Reason:
    """A criterion that was met, and by what, the longest first."""

    criterion: Criterion
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Screened:
    """What the day comes to for one person.

    Attributes
    ----------
    watched_s
        Time with a heart rate.
    reasons
        Why they are referred, in the order of the criteria; empty: they are not.
    assessed
        They are referred, or were watched long enough that they would have been.
    """

    participant: Participant
    watched_s: float
    reasons: tuple[Reason, ...]
    assessed: bool

    @property
    def referred(self) -> bool:
        return bool(self.reasons)

    @property
    def categories(self) -> tuple[str, ...]:
        """Give what they are referred for, each once."""
        return tuple(dict.fromkeys(reason.criterion.category for reason in self.reasons))


@dataclass(frozen=True, slots=True)
class Total:
    """What the day comes to for a group.

    Attributes
    ----------
    people, referred, not_assessed
        How many there are; of them are referred; were watched too little to be called clear.
    by_category
        Referred for it, whatever else there was.
    only
        Referred for this category and no other.
    """

    group: str
    people: int
    referred: int
    not_assessed: int
    by_category: dict[str, int]
    only: dict[str, int]


def load_criteria(path: Path | None = None) -> Criteria:
    """Read the reasons to refer; None: the shipped ones.

    Raises
    ------
    SettingError
        The file cannot be read, or says something unknown; the text names the nearest word.
    """
    path = path or SHIPPED
    table = read_table(path)
    where = str(path)
    check_keys(where, table, ("least_watched_s", "criterion"))
    rows = table.get("criterion", {})
    if not isinstance(rows, Mapping) or not rows:
        raise SettingError(f"{where} criterion", "expected at least one table, found none")
    reasons = tuple(
        _criterion(f"{where} criterion.{name}", name, row) for name, row in rows.items()
    )
    return Criteria(reasons, seconds(where, "least_watched_s", table.get("least_watched_s", 0.0)))


def check_codes(criteria: Criteria, known: Iterable[str], where: str) -> None:
    """Raise SettingError unless every code of the criteria is known."""
    known = list(known)
    for reason in criteria.reasons:
        for code in reason.codes:
            check_word(f"{where} criterion.{reason.name} codes", code, known)


def screen(
    people: Iterable[Participant],
    findings: Iterable[Finding],
    watched_s: Mapping[str, float],
    criteria: Criteria,
    until_ns: int,
) -> list[Screened]:
    """Say of each person whether they are referred, in the order in which they are given.

    Parameters
    ----------
    findings
        Of the day, each as last told; those of people who are not given are passed over.
    watched_s
        By participant; who is missing was not watched.
    until_ns
        What has not ended lasted until then.
    """
    told: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        told[finding.participant].append(finding)
    return [
        _screened(person, told[person.id], watched_s.get(person.id, 0.0), criteria, until_ns)
        for person in people
    ]


def totals(screened: Sequence[Screened]) -> list[Total]:
    """Count by group, in the order in which groups come, everybody together last.

    Who has no group is counted in `ALL` only.
    """
    groups: dict[str, list[Screened]] = defaultdict(list)
    for one in screened:
        if one.participant.group:
            groups[one.participant.group].append(one)
    return [*(_total(name, members) for name, members in groups.items()), _total(ALL, screened)]


def _criterion(where: str, name: str, row: Any) -> Criterion:
    check_keys(where, row, _KEYS)
    for key in ("category", "title"):
        if not isinstance(row.get(key), str) or not row[key]:
            raise SettingError(f"{where} {key}", f"expected a word, found {row.get(key)!r}")
    codes = row.get("codes")
    if not isinstance(codes, list) or not codes or not all(isinstance(c, str) for c in codes):
        raise SettingError(f"{where} codes", f"expected a list of codes, found {codes!r}")
    least_n = row.get("least_n", 1)
    if isinstance(least_n, bool) or not isinstance(least_n, int) or least_n < 1:
        raise SettingError(f"{where} least_n", f"expected a number from 1, found {least_n!r}")
    return Criterion(
        name=name,
        category=row["category"],
        codes=tuple(codes),
        title=row["title"],
        title_ko=str(row.get("title_ko", row["title"])),
        least_n=least_n,
        least_s=seconds(where, "least_s", row.get("least_s", 0.0)),
    )


def _screened(
    person: Participant,
    findings: Sequence[Finding],
    watched_s: float,
    criteria: Criteria,
    until_ns: int,
) -> Screened:
    reasons = []
    for criterion in criteria.reasons:
        met = [Evidence(f, _lasted_s(f, until_ns)) for f in findings if f.code in criterion.codes]
        met = [one for one in met if one.lasted_s >= criterion.least_s]
        if len(met) >= criterion.least_n:
            met.sort(key=lambda one: (-one.lasted_s, one.finding.onset_ns))
            reasons.append(Reason(criterion, tuple(met)))
    assessed = bool(reasons) or watched_s >= criteria.least_watched_s
    return Screened(person, watched_s, tuple(reasons), assessed)


def _lasted_s(finding: Finding, until_ns: int) -> float:
    if finding.state == "point":
        return 0.0
    end_ns = finding.at_ns if finding.state == "offset" else until_ns
    return max(end_ns - finding.onset_ns, 0) / NS_PER_S


def _total(group: str, members: Sequence[Screened]) -> Total:
    by_category, only = Counter[str](), Counter[str]()
    for one in members:
        by_category.update(one.categories)
        if len(one.categories) == 1:
            only.update(one.categories)
    return Total(
        group=group,
        people=len(members),
        referred=sum(one.referred for one in members),
        not_assessed=sum(not one.assessed for one in members),
        by_category=dict(by_category.most_common()),
        only=dict(only.most_common()),
    )
