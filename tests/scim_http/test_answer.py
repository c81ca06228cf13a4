"""What each HTTP response means for the request that it answers."""

from __future__ import annotations

import datetime

import pytest

from rollcall.scim_http.answer import Answer, Done, Reason, Refused, Unanswered, judge, parse_retry_after

NOW = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)
HTML = b"<html>sign in</html>"


@pytest.mark.parametrize(
    ("method", "status", "content"),
    [
        ("GET", 200, b'{"id":"1"}'),
        ("GET", 200, b'\xef\xbb\xbf{"id":"1"}'),
        ("POST", 201, b'{"id":"1"}'),
        ("PATCH", 200, b'{"id":"1"}'),
        ("PATCH", 200, b""),
        ("PATCH", 200, b"\r\n"),
        ("PATCH", 204, b""),
        ("PUT", 200, b""),
        ("DELETE", 204, b""),
        ("DELETE", 202, b""),
    ],
)
def test_a_success_with_the_body_it_needs_is_done(method: str, status: int, content: bytes) -> None:
    answer = judge(method, status, {}, content, NOW)

    assert isinstance(answer, Done)
    assert answer.body == ({"id": "1"} if b"id" in content else None)


@pytest.mark.parametrize(
    ("method", "status", "content"),
    [
        ("GET", 200, b""),
        ("GET", 200, HTML),
        ("GET", 200, b"[]"),
        ("GET", 204, b""),
        ("POST", 201, b""),
        ("POST", 201, HTML),
        ("PATCH", 200, HTML),
        ("PUT", 200, b'"text"'),
        ("DELETE", 200, HTML),
    ],
)
def test_a_success_that_can_not_be_understood_is_unanswered(method: str, status: int, content: bytes) -> None:
    answer = judge(method, status, {"content-type": "text/html"}, content, NOW)

    assert isinstance(answer, Unanswered)
    assert answer.reason is Reason.NOT_SCIM


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (301, Reason.REDIRECTED),
        (307, Reason.REDIRECTED),
        (400, Reason.BAD_REQUEST),
        (401, Reason.UNAUTHORIZED),
        (403, Reason.FORBIDDEN),
        (404, Reason.NOT_FOUND),
        (405, Reason.REJECTED),
        (409, Reason.CONFLICT),
        (412, Reason.PRECONDITION_FAILED),
        (413, Reason.TOO_LARGE),
        (422, Reason.REJECTED),
        (429, Reason.THROTTLED),
        (501, Reason.NOT_IMPLEMENTED),
    ],
)
def test_what_the_server_turns_down_is_refused(status: int, reason: Reason) -> None:
    answer = judge("POST", status, {}, b'{"status":"400","scimType":"invalidValue","detail":"no"}', NOW)

    assert isinstance(answer, Refused)
    assert (answer.status, answer.reason, answer.scim_type, answer.detail) == (status, reason, "invalidValue", "no")


@pytest.mark.parametrize("content", [b"", HTML, b"[1]", b'{"detail":{"deep":1},"scimType":7}', b"\xff\xfe"])
def test_an_error_with_any_body_is_still_refused(content: bytes) -> None:
    answer = judge("POST", 400, {}, content, NOW)

    assert isinstance(answer, Refused)
    assert (answer.scim_type, answer.detail) == (None, None)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_failing_server_leaves_it_open(status: int) -> None:
    answer: Answer = judge("POST", status, {}, b"", NOW)

    assert answer == Unanswered(Reason.SERVER_ERROR, status)


def test_a_request_timeout_told_by_the_server_leaves_it_open() -> None:
    assert judge("POST", 408, {}, b"", NOW) == Unanswered(Reason.TIMEOUT, 408)


def test_a_server_that_is_away_for_a_stated_time_refuses() -> None:
    answer = judge("POST", 503, {"retry-after": "120"}, b"", NOW)

    assert answer == Refused(503, Reason.UNAVAILABLE, retry_after_seconds=120.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("30", 30.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60.0),
        ("Sunday, 01-Mar-26 12:01:00 GMT", 60.0),
        ("Sun Mar  1 12:01:00 2026", 60.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("soon", None),
        ("", None),
        ("Sun, 99 Mar 2026 12:01:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


def test_a_long_detail_is_cut() -> None:
    answer = judge("GET", 404, {}, b'{"detail":"' + b"x" * 5000 + b'"}', NOW)

    assert isinstance(answer, Refused)
    assert len(answer.detail or "") == 1000
