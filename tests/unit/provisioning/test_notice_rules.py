"""Who is told what, when a delivery is tried again, and when a credential's end is near."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from rollcall.errors import Invalid
from rollcall.outbound import Reach
from rollcall.provisioning.credential_expiry import parse_expiry
from rollcall.provisioning.model import JobSettings
from rollcall.provisioning.notice_rules import (
    EVENTS,
    MAIL_KEPT_FOR,
    Channel,
    Endpoint,
    Notice,
    NoticeKind,
    Recipient,
    expiry_step,
    next_attempt,
    recipients_of,
)
from rollcall.provisioning.webhooks import check_events, check_webhook_url

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAILED = JobSettings(notification_emails=("ops@contoso.com",), notify_on_failure=True)
HOOK = Endpoint(UUID(int=1), "https://hooks.contoso.com", tuple(EVENTS.values()))
OPS, PROGRAM = Recipient("ops@contoso.com"), Recipient(HOOK.url, HOOK.id)


@pytest.mark.parametrize(
    ("kind", "mailed_without_switch"),
    [("quarantine", False), ("disabled", False), ("credentials", False), ("held", True), ("approval", True)],
)
def test_the_switch_is_for_failures_and_webhooks_need_none(kind: NoticeKind, mailed_without_switch: bool) -> None:
    """P1: `Enabled` switches mails of failures."""
    notice = Notice(kind, "Reason", "Words.")

    assert recipients_of(notice, MAILED, [HOOK], ()) == [OPS, PROGRAM]
    silent = recipients_of(notice, replace(MAILED, notify_on_failure=False), [HOOK], ())
    assert silent == ([OPS, PROGRAM] if mailed_without_switch else [PROGRAM])


def test_well_goes_to_those_who_were_told_and_still_want_to_hear() -> None:
    well = Notice("well", "Reason", "Words.")

    assert recipients_of(well, MAILED, [HOOK], {PROGRAM, Recipient("left@contoso.com")}) == [PROGRAM]


def attempts(channel: Channel, seconds_away: float | None = None) -> Iterator[float]:
    """How long each wait is, until it is given up."""
    at, tried = NOW, 1
    while (again := next_attempt(channel, tried, NOW, at, seconds_away)) is not None:
        yield (again - at).total_seconds()
        at, tried = again, tried + 1


def test_webhooks_are_tried_ten_times_over_three_days() -> None:
    waits = list(attempts("webhook"))

    assert waits == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]


def test_mails_are_tried_for_five_days_and_not_longer() -> None:
    waits = list(attempts("mail"))

    assert waits[:5] == [60, 300, 900, 3600, 14_400]
    assert timedelta(days=4) < timedelta(seconds=sum(waits)) <= MAIL_KEPT_FOR


def test_a_wait_that_is_asked_for_is_obeyed_up_to_a_day() -> None:
    def wait(seconds: float) -> timedelta:
        again = next_attempt("webhook", 1, NOW, NOW, seconds)
        assert again is not None
        return again - NOW

    assert (wait(1), wait(600), wait(10**9)) == (timedelta(seconds=5), timedelta(seconds=600), timedelta(days=1))


@pytest.mark.parametrize(
    ("days_before", "told", "step"),
    [
        (31, None, None), (30, None, 30), (29, 30, None), (7, 30, 7), (6.5, 7, None), (1, 7, 1), (0.5, 1, None),
        (0, 1, 0), (-100, 0, None), (-1, None, 0), (0.5, 30, 1), (3, None, 7),
    ],
)  # fmt: skip
def test_each_warning_is_due_once_and_missed_ones_are_not_made_up_for(
    days_before: float, told: int | None, step: int | None
) -> None:
    assert expiry_step(NOW, told, NOW - timedelta(days=days_before)) == step


def test_a_day_is_good_to_its_end() -> None:
    assert parse_expiry("2027-01-31", NOW) == datetime(2027, 2, 1, tzinfo=UTC)
    assert parse_expiry("2027-01-31T12:00:00+02:00", NOW) == datetime(2027, 1, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2027-02-30", "tomorrow", "", "2026-02-28", "2027-01-31T12:00:00", "31.01.2027", "2027-1-31"]
)
def test_what_is_no_day_to_come_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_expiry(text, NOW)


@pytest.mark.parametrize(
    "url", ["https://hooks.contoso.com/x?y=1", "http://localhost:8080/", "http://127.0.0.9/", "http://[::1]:1/"]
)
def test_a_webhook_goes_to_https_or_to_this_machine(url: str) -> None:
    assert check_webhook_url(f" {url} ") == url


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.contoso.com", "ftp://contoso.com", "http://contoso.com", "http://127.0.0.1.contoso.com",
        "https://", "https://user:pass@contoso.com", "https://contoso.com/#a", "https://contoso.com:99999",
        "https://contoso.com/\r\nX: y", "https://con toso.com", "https://contoso.com/" + "x" * 2048, "https://[::1",
    ],
)  # fmt: skip
def test_what_is_no_address_for_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        check_webhook_url(url)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254", "１６９.254.169.254", "169。254。169。254", "169.254.169.254.", "2852039166", "0xa9.0xfe.1",
        "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[::169.254.169.254]", "[::ffff:0:a9fe:a9fe]",
        "[fd00:ec2::254]", "100.100.100.200", "①⓪⓪.100.100.200", "0.0.0.0", "0", "[fe80::1]", "[ff02::1]",
    ],
)  # fmt: skip
def test_no_webhook_goes_where_clouds_keep_credentials_however_it_is_written(host: str) -> None:
    with pytest.raises(Invalid):
        check_webhook_url(f"https://{host}/x")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "１２７.0.0.1", "10.0.0.1", "192.168.0.1", "[::1]", "[fd12::1]", "100.64.0.1",
        "[64:ff9b::7f00:1]", "[2002:a00:1::]", "[::10.0.0.1]",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_where_that_is_configured_however_they_are_written(host: str) -> None:
    with pytest.raises(Invalid):
        check_webhook_url(f"https://{host}/x", Reach())


@pytest.mark.parametrize("host", ["hooks.contoso.com", "müller.example", "93.184.216.34", "[2606:2800:220:1::1]"])
def test_webhooks_go_to_public_addresses_and_names(host: str) -> None:
    assert check_webhook_url(f"https://{host}/x", Reach()) == f"https://{host}/x"


def test_an_unknown_event_is_refused_with_what_there_is() -> None:
    with pytest.raises(Invalid, match=r"job\.quarantined"):
        check_events(["job.exploded"])
    with pytest.raises(Invalid, match="trouble"):
        check_events(["job.well"])
    assert check_events([]) == tuple(EVENTS.values())
    assert check_events(["job.well", "job.quarantined", "job.well"]) == ("job.quarantined", "job.well")
