"""Whose deletion a setting makes due (rules D1, D2, D4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rollcall.provisioning.due_deletions import deleted_until
from rollcall.provisioning.model import JobSettings, ObjectMapping
from tests.unit.provisioning.builders import USERS

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "users", "until"),
    [
        (JobSettings(), USERS, None),
        (JobSettings(delete_after_days=30), USERS, NOW - timedelta(days=30)),
        (JobSettings(soft_delete=False), USERS, NOW),
        (JobSettings(soft_delete=False, delete_after_days=30), USERS, NOW),
        (JobSettings(delete_after_days=30, skip_out_of_scope_deletions=True), USERS, None),
        (JobSettings(delete_after_days=30), replace(USERS, delete=False), None),
        (JobSettings(delete_after_days=30), replace(USERS, enabled=False), None),
        (JobSettings(soft_delete=False), None, None),
    ],
)
def test_who_is_deleted_follows_from_settings_and_mapping(
    settings: JobSettings, users: ObjectMapping | None, until: datetime | None
) -> None:
    assert deleted_until(settings, users, NOW) == until
