"""Notification settings of a job, and the JSON text that Graph keeps them in."""

from __future__ import annotations

import pytest

from rollcall.errors import Invalid
from rollcall.provisioning.job_settings import check_settings
from rollcall.provisioning.model import JobSettings
from rollcall.provisioning.notification_settings import parse_notification_settings, print_notification_settings

TEXT = '{"Enabled":true,"Recipients":"ops@contoso.com","DeleteThresholdEnabled":true,"DeleteThresholdValue":500}'


def test_graphs_text_is_read_and_written_alike() -> None:
    """P1: the secret SyncNotificationSettings."""
    changes = parse_notification_settings(TEXT)

    assert changes == {"notify_on_failure": True, "notification_emails": ["ops@contoso.com"], "deletion_threshold": 500}
    assert print_notification_settings(check_settings(changes)) == TEXT


@pytest.mark.parametrize("threshold", [None, 1, 500, 9000])
@pytest.mark.parametrize("emails", [(), ("a@b.example",), ("a@b.example", "c@d.example")])
@pytest.mark.parametrize("enabled", [True, False])
def test_what_is_printed_is_what_is_parsed(threshold: int | None, emails: tuple[str, ...], enabled: bool) -> None:
    settings = JobSettings(deletion_threshold=threshold, notification_emails=emails, notify_on_failure=enabled)

    assert check_settings(parse_notification_settings(print_notification_settings(settings))) == settings


def test_what_a_text_leaves_out_stays() -> None:
    assert parse_notification_settings("{}") == {}
    assert parse_notification_settings('{"Recipients":null}') == {"notification_emails": []}
    assert parse_notification_settings('{"Recipients":"a@b.example; c@d.example"}') == {
        "notification_emails": ["a@b.example", "c@d.example"]
    }


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "no", '{"enabled":true}', '{"Enabled":"yes"}', '{"Recipients":7}', '{"Recipients":"ops"}',
        '{"DeleteThresholdValue":0}', '{"DeleteThresholdValue":-1}', '{"DeleteThresholdValue":true}',
    ],
)  # fmt: skip
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_notification_settings(text)


@pytest.mark.parametrize(
    ("emails", "told"),
    [
        (["ops@contoso.com", "nobody"], "'nobody' must have the form"),
        (["ops@contoso.com", "OPS@contoso.com"], "'OPS@contoso.com' is listed twice"),
        (["ops@contoso.com\r\nBcc: thief@example.com"], "must have"),
        ([f"a{number}@contoso.com" for number in range(51)], "50 addresses at most"),
        ("ops@contoso.com", "a list of mail addresses"),
        ([7], "must be text"),
    ],
)
def test_recipients_that_are_no_addresses_are_refused_by_name(emails: object, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_settings({"notification_emails": emails})

    assert told in refused.value.details[0]
