"""Made-up people for the generator; names, ages and groups are fictitious."""

from __future__ import annotations

import numpy as np

from registry.participants import Participant

_NAMES = (
    "민준", "Emma", "서연", "Noah", "지우", "Olivia", "하준", "Liam", "수아", "Grace",
    "도윤", "Henry", "예린", "Alice", "현우", "Oscar", "유나", "Clara", "준서", "Felix",
    "은지", "Ruth", "태민", "Hugo", "소희", "Nora", "재현", "Isaac", "가은", "Julia",
    "성민", "Peter", "나연", "Edith", "동현", "Simon", "다은", "Martha", "영호", "Louis",
)  # fmt: skip
_GROUPS = ("Ward 3", "Ward 5", "Rehabilitation", "Home", "Trail day")
EVENT_GROUP = "Trail day"


def people(n: int, seed: int = 1) -> tuple[Participant, ...]:
    """Make n participants P-0001, P-0002... that depend only on the seed.

    >>> [person.id for person in people(2)]
    ['P-0001', 'P-0002']
    """
    rng = np.random.default_rng(seed)
    groups = rng.choice(len(_GROUPS), n, p=(0.3, 0.3, 0.15, 0.15, 0.1))
    ages = rng.integers(24, 88, n)
    return tuple(
        Participant(
            id=f"P-{i + 1:04}",
            name=f"{_NAMES[i % len(_NAMES)]} {chr(ord('A') + i // len(_NAMES) % 26)}.",
            group=_GROUPS[groups[i]],
            age_years=float(ages[i]),
            event=_GROUPS[groups[i]] == EVENT_GROUP,
        )
        for i in range(n)
    )
