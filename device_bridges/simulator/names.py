"""Names of people who do not exist, Korean and English."""

from __future__ import annotations

from collections.abc import Sequence

KOREAN_SHARE = 0.6  # of mixed names, default

_FAMILIES = tuple("김이박최정강조윤장임한오서신권황안송류홍")
_KOREAN = (
    (
        "서연",
        "지우",
        "수아",
        "예린",
        "유나",
        "은지",
        "소희",
        "가은",
        "나연",
        "다은",
        "미정",
        "혜진",
    ),
    (
        "민준",
        "하준",
        "도윤",
        "현우",
        "준서",
        "태민",
        "재현",
        "성민",
        "동현",
        "영호",
        "상훈",
        "진우",
    ),
)  # women, men
_SURNAMES = ("Ashby", "Barlow", "Carver", "Denton", "Ellery", "Fenwick", "Garner", "Holt", "Ingram",
             "Keating", "Lowell", "Marlow", "Norwood", "Osgood", "Prescott", "Quill", "Redmond",
             "Selby", "Thorne", "Whitlow")  # fmt: skip
_ENGLISH = (
    ("Emma", "Olivia", "Grace", "Alice", "Clara", "Ruth", "Nora", "Julia", "Edith", "Martha"),
    ("Noah", "Liam", "Henry", "Oscar", "Felix", "Hugo", "Isaac", "Peter", "Simon", "Louis"),
)


def korean_name(male: bool, family: float, given: float) -> str:
    """Give a name for two numbers of [0, 1).

    >>> korean_name(False, 0.0, 0.0)
    '김서연'
    """
    return _one(_FAMILIES, family) + _one(_KOREAN[male], given)


def english_name(male: bool, family: float, given: float) -> str:
    """Give a name for two numbers of [0, 1).

    >>> english_name(True, 0.0, 0.0)
    'Noah Ashby'
    """
    return f"{_one(_ENGLISH[male], given)} {_one(_SURNAMES, family)}"


def _one(words: Sequence[str], even: float) -> str:
    return words[int(even * len(words))]
