import pytest

from processors.signals import CONTROLS
from registry.participants import Participant, Registry, UnknownParticipantError, profile

ANNA = Participant("p1", "Anna", "Ward 3", age_years=50.0, heart_rate_max=170.0)
BORI = Participant("p2", "Bori", "Trail day", event=True)


def test_participants_are_found_by_id_and_keep_their_order():
    registry = Registry([BORI, ANNA])
    assert list(registry) == [BORI, ANNA]
    assert registry.get("p1") is ANNA
    assert len(registry) == 2
    assert "p2" in registry


def test_putting_somebody_again_replaces_what_is_known():
    registry = Registry([BORI, ANNA])
    registry.put(Participant("p2", "Bori", "Home"))
    assert [one.group for one in registry] == ["Home", "Ward 3"]


def test_nobody_under_an_id_is_a_lookup_error():
    registry = Registry([ANNA])
    with pytest.raises(UnknownParticipantError, match="p9: no such participant"):
        registry.get("p9")
    registry.remove("p9")
    registry.remove("p1")
    assert len(registry) == 0


def test_groups_have_members():
    registry = Registry([ANNA, BORI, Participant("p3")])
    assert registry.groups() == ("Trail day", "Ward 3")
    assert registry.members("Ward 3") == (ANNA,)


def test_a_profile_holds_what_is_known_in_the_columns_of_the_control():
    control = profile(ANNA, 7)
    assert (control.participant, control.t_ns, control.kind) == ("p1", 7, "profile")
    assert control.values == {
        "age_years": 50.0, "heart_rate_max": 170.0, "event": 0.0, "sensitive": 0.0,
    }  # fmt: skip
    assert set(control.values) <= {column.name for column in CONTROLS["profile"]}
    assert profile(BORI, 0).values == {"event": 1.0, "sensitive": 0.0}
    assert [one.participant for one in Registry([ANNA, BORI]).profiles(0)] == ["p1", "p2"]


def test_who_has_no_name_is_shown_by_id():
    assert Participant("p3").shown_name == "p3"
    assert ANNA.shown_name == "Anna"
