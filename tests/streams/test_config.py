"""Settings: which source wins, and what a secret is."""

from __future__ import annotations

import pytest

from processors.errors import SettingError
from streams.config import SECRETS, Settings, load


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_last_source_wins(here, monkeypatch):
    (here / "vitals.toml").write_text('group = "file"\nport = 1\nseed = 1\n')
    (here / ".env").write_text("VITALS__PORT=2\nVITALS__SEED=2\nVITALS__PARTITIONS=2\n")
    monkeypatch.setenv("VITALS__SEED", "3")
    monkeypatch.setenv("VITALS__PARTITIONS", "3")
    found = load({"partitions": 4})
    assert (found.group, found.port, found.seed, found.partitions) == ("file", 2, 3, 4)


def test_secrets_come_from_the_environment_or_beside_it_and_are_not_shown(here, monkeypatch):
    assert {"influx_token", "postgres_password", "redis_password"} == SECRETS
    (here / ".env").write_text(
        "# made by hand\nOTHER=1\nVITALS__INFLUX_TOKEN='of=the file'\n\n"
        "VITALS__POSTGRES_PASSWORD=p\n"
    )
    monkeypatch.setenv("VITALS__POSTGRES_PASSWORD", "of the environment")
    found = load({})
    assert found.influx_token.get_secret_value() == "of=the file"
    assert found.postgres_password.get_secret_value() == "of the environment"
    assert "of the" not in repr(found)


def test_a_secret_in_the_file_of_settings_is_refused(here):
    (here / "vitals.toml").write_text('influx_token = "open"\n')
    with pytest.raises(SettingError, match=r"VITALS__INFLUX_TOKEN or in \.env") as caught:
        load({})
    assert '"open"' not in str(caught.value)


def test_an_unknown_name_beside_the_secrets_is_an_error_that_names_the_nearest(here):
    (here / ".env").write_text("VITALS__INFLUX_TOKE=x\n")
    with pytest.raises(SettingError, match="influx_token"):
        load({})


def test_every_setting_says_what_it_is():
    assert all(field.description for field in Settings.model_fields.values())
