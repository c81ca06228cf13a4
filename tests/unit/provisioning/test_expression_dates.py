"""Dates of the mapping language: what is read, the arithmetic, and .NET formats."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.provisioning.expression import ExpressionError, Value, compile_expression, text_form
from rollcall.provisioning.expression_dates import date_from_number, number_from_date, parse_date
from rollcall.provisioning.expression_values import print_date
from tests.unit.provisioning.expression_context import context


def value(expression: str, /, **source: Any) -> Value:
    return compile_expression(expression).evaluate(source, context())


def failure(expression: str, /, **source: Any) -> str:
    with pytest.raises(ExpressionError) as caught:
        value(expression, **source)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("2021-06-30+08:00", "6/29/2021 4:00:00 PM"),
        ("2021-06-30", "6/30/2021 12:00:00 AM"),
        ("2021-06-30T12:00Z", "6/30/2021 12:00:00 PM"),
        ("2021-06-30 23:59:59.9999999-0130", "7/1/2021 1:29:59 AM"),
        ("6/30/2021", "6/30/2021 12:00:00 AM"),
        ("06/30/2021 12:30:00 am", "6/30/2021 12:30:00 AM"),
        ("6/30/2021 13:05", "6/30/2021 1:05:00 PM"),
        ("2021/6/30", "6/30/2021 12:00:00 AM"),
        (" 2021-06-30 ", "6/30/2021 12:00:00 AM"),
        ("9999-12-31", "12/31/9999 12:00:00 AM"),
    ],
)
def test_cdate_reads_iso_forms_and_its_own_form(written: str, printed: str) -> None:
    assert text_form(value("CDate([d])", d=written)) == printed


@pytest.mark.parametrize(
    "written",
    ["", " ", None, "soon", "2021-02-30", "30/6/2021", "0001-01-01+01:00", "2021-01-01+15:00", "6/30/2021 13:00 PM"],
)
def test_cdate_fails_on_what_is_no_date(written: str | None) -> None:
    assert "date" in failure("CDate([d])", d=written)


@given(st.datetimes(min_value=datetime(1, 1, 1), timezones=st.just(UTC)).map(lambda d: d.replace(microsecond=0)))
def test_the_text_form_of_a_date_reads_back(moment: datetime) -> None:
    assert parse_date(print_date(moment)) == moment


@given(st.datetimes(min_value=datetime(1601, 1, 1), timezones=st.just(UTC)))
def test_a_number_of_active_directory_reads_back(moment: datetime) -> None:
    assert date_from_number(number_from_date(moment)) == moment


def test_num_from_date_counts_ticks_finer_than_microseconds() -> None:
    assert value('NumFromDate("1601-01-01T00:00:00.1234567Z")') == 1_234_567
    assert "ISO 8601" in failure('NumFromDate("1/1/2021")')
    assert "9999" in failure("DateFromNum([a])", a="9223372036854775807")


@pytest.mark.parametrize(
    ("interval", "amount", "printed"),
    [
        ("yyyy", 1, "2/28/2025 12:00:00 AM"),
        ("m", -12, "2/28/2023 12:00:00 AM"),
        ("m", 12, "2/28/2025 12:00:00 AM"),
        ("m", 2, "4/29/2024 12:00:00 AM"),
        ("ww", 1, "3/7/2024 12:00:00 AM"),
        ("s", -1, "2/28/2024 11:59:59 PM"),
    ],
)
def test_date_add_moves_by_the_calendar(interval: str, amount: int, printed: str) -> None:
    assert text_form(value(f'DateAdd("{interval}", {amount}, CDate("2024-02-29"))')) == printed


def test_date_add_stops_at_the_end_of_the_month() -> None:
    assert text_form(value('DateAdd("m", 1, CDate("2024-01-31"))')) == "2/29/2024 12:00:00 AM"
    assert text_form(value('DateAdd("m", -1, CDate("2024-05-31"))')) == "4/30/2024 12:00:00 AM"


def test_date_add_refuses_other_intervals_and_leaving_the_calendar() -> None:
    assert "not an interval" in failure('DateAdd("w", 1, Now())')
    for interval in ("yyyy", "m", "d", "s"):
        assert "leaves the years" in failure(f'DateAdd("{interval}", 99999999999999, Now())')
    assert "null" in failure('DateAdd("d", [missing], Now())')


@pytest.mark.parametrize(
    ("interval", "first", "second", "difference"),
    [
        ("d", "2021-01-01T23:00:00Z", "2021-01-03T22:00:00Z", 1),
        ("d", "2021-01-03T22:00:00Z", "2021-01-01T23:00:00Z", -1),
        ("yyyy", "2020-12-31", "2021-01-01", 1),
        ("m", "2020-12-31", "2021-01-01", 1),
        ("ww", "2021-08-28", "2021-08-29", 1),
        ("ww", "2021-08-29", "2021-09-04", 0),
        ("n", "2021-01-01T00:00:59Z", "2021-01-01T00:02:00Z", 1),
    ],
)
def test_date_diff_cuts_elapsed_time_and_compares_calendar_fields(
    interval: str, first: str, second: str, difference: int
) -> None:
    assert value(f'DateDiff("{interval}", CDate([a]), CDate([b]))', a=first, b=second) == difference


@pytest.mark.parametrize(
    ("given_format", "written", "wanted", "printed"),
    [
        ("M/d/yyyy h:mm:ss tt", "12/9/2020 12:05:09 AM", "yyyy-MM-dd'T'HH:mm:ss", "2020-12-09T00:05:09"),
        ("dd.MM.yy", "03.02.49", "yyyy", "2049"),
        ("dd.MM.yy", "03.02.50", "yyyy", "1950"),
        ("d MMM yyyy", "3 feb 2025", "dddd, MMMM dd", "Monday, February 03"),
        ("ddd d/M/yyyy", "Mon 3/2/2025", "ddd", "Mon"),
        ("yyyy-MM-ddzzz", "2021-06-30+08:00", "yyyy-MM-dd HH:mm", "2021-06-29 16:00"),
        ("yyyy-MM-ddTHH:mm:ssK", "2021-06-30T01:00:00Z", "HH:mmK", "01:00Z"),
        ("o", "2021-06-30T01:00:00.1230000Z", "ss.FFFFFFF", "00.123"),
        ("HH:mm:ss.FFF", "10:11:12", "HHmmss.FFF", "101112"),
        ("HH:mm:ss.FFF", "10:11:12.5", "fff", "500"),
        ("HH:mm", "10:11", "yyyy-MM-dd", "2025-07-30"),
        ("h t", "3 P", "%H", "15"),
        ("yyyy 'at' \\d", "2020 at d", "yyyy \\y", "2020 y"),
        ("s", "2021-06-30T01:00:00", "d", "06/30/2021"),
    ],
)
def test_format_date_time_reads_and_prints_net_formats(
    given_format: str, written: str, wanted: str, printed: str
) -> None:
    assert value("FormatDateTime([d], , [i], [o])", d=written, i=given_format, o=wanted) == printed


@pytest.mark.parametrize(
    ("given_format", "written"),
    [
        ("M/d/yyyy hh:mm:ss tt", "1/1/2020 1:00:00 AM"),
        ("dd", "3"),
        ("h:mm tt", "13:00 PM"),
        ("ddd yyyy-MM-dd", "Tue 2025-02-03"),
        ("yyyy-MM-dd", "2025-02-30"),
        ("yyyy-MM-dd", "2025-02-03x"),
        ("yyyy MM yyyy", "2020 01 2021"),
    ],
)
def test_format_date_time_fails_on_text_that_does_not_fit_exactly(given_format: str, written: str) -> None:
    assert "does not fit" in failure('FormatDateTime([d], , [i], "yyyy")', d=written, i=given_format)


def test_format_date_time_styles() -> None:
    assert value('FormatDateTime(" 2020 ", , "yyyy", "yyyy")') == "2020"
    assert "does not fit" in failure('FormatDateTime(" 2020 ", "None", "yyyy", "yyyy")')
    assert value('FormatDateTime("2020 -01", "AllowWhiteSpaces", "yyyy-MM", "yyyy-MM")') == "2020-01"
    assert value('FormatDateTime("10:11", "NoCurrentDateDefault", "HH:mm", "yyyy-MM-dd")') == "0001-01-01"
    assert "not a date style" in failure('FormatDateTime("2020", "Loose", "yyyy", "yyyy")')


def test_format_date_time_of_null_is_null_and_broken_formats_fail() -> None:
    assert value('FormatDateTime([missing], "yyyy", "MM")') is None
    assert "not a date format" in failure('FormatDateTime("2020", "q", "yyyy")')
    assert "quote or escape" in failure('FormatDateTime("2020", "yyyy\'", "yyyy")')
    assert "seven" in failure('FormatDateTime("2020", "yyyy", "ffffffff")')


@pytest.mark.parametrize(
    ("given_format", "written"),
    [("dM" * 40, "1" * 120 + "x"), (" " * 60 + "d", " " * 500 + "x"), ("%K" * 60, " " * 500 + "x")],
)
def test_no_format_makes_reading_slow(given_format: str, written: str) -> None:
    assert "does not fit" in failure('FormatDateTime([d], "AllowWhiteSpaces", [i], "yyyy")', d=written, i=given_format)


def test_a_format_has_a_length_limit() -> None:
    assert "longer than 500" in failure('FormatDateTime("2020", [i], "yyyy")', i="y" * 501)
