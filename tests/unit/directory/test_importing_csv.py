"""CSV: plain Graph headers and Entra's bulk template."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.directory.importing_csv import parse_csv
from rollcall.directory.importing_rows import NO_CREDENTIALS, BadRow, Parsed, PersonRow
from rollcall.errors import Invalid


def _parse(text: str) -> list[Parsed]:
    return list(parse_csv(text.splitlines(keepends=True)))


def test_plain_headers_are_graph_names_in_any_case() -> None:
    rows = _parse(
        "UserPrincipalName,displayName,accountEnabled,businessPhones,extensionAttribute3,extension_ab12_badge,"
        "manager,memberOf\n"
        'a@b.c,"Byron, Ada",no,+1; +2,x,y,Boss@b.c,Sales;Field Sales\n'
        "d@e.f,Dee,,,,,,\n"
    )

    assert rows == [
        PersonRow(
            2,
            {
                "userPrincipalName": "a@b.c",
                "displayName": "Byron, Ada",
                "accountEnabled": False,
                "businessPhones": ["+1", "+2"],
                "onPremisesExtensionAttributes": {"extensionAttribute3": "x"},
                "extension_ab12_badge": "y",
            },
            manager="upn:boss@b.c",
            groups=("Sales", "Field Sales"),
        ),
        PersonRow(3, {"userPrincipalName": "d@e.f", "displayName": "Dee"}),
    ]


@pytest.mark.parametrize("first_line", ["version:v1.0", "version:v1.0,,,,", '"version:v1.0"'])
def test_the_bulk_template_of_entra_is_understood(first_line: str) -> None:
    rows = _parse(
        f"{first_line}\n"
        "Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required,"
        "Block sign in (Yes/No) [accountEnabled] Required,First name [givenName],Job title [jobTitle]\n"
        '"Example: Chris Green",chris@contoso.com,myPassword1234,No,Chris,\n'
        "Ada,ada@x.org,secret,Yes,,Countess\n"
        "Bob,bob@x.org,secret,No,Bob,\n"
    )

    assert rows == [
        NO_CREDENTIALS,
        PersonRow(
            4,
            {"displayName": "Ada", "userPrincipalName": "ada@x.org", "accountEnabled": False, "jobTitle": "Countess"},
        ),
        PersonRow(
            5, {"displayName": "Bob", "userPrincipalName": "bob@x.org", "accountEnabled": True, "givenName": "Bob"}
        ),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_seen_from_the_header(separator: str) -> None:
    rows = _parse(f"userPrincipalName{separator}displayName\na@b.c{separator}Ada\n")

    assert rows == [PersonRow(2, {"userPrincipalName": "a@b.c", "displayName": "Ada"})]


def test_lines_are_counted_over_quoted_line_ends_and_blank_rows() -> None:
    rows = _parse('userPrincipalName,streetAddress\na@b.c,"Row 1\nRow 2"\n\n,nobody\n')

    assert [row.line for row in rows if isinstance(row, PersonRow | BadRow)] == [2, 5]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a@b.c,maybe", "accountEnabled must be yes or no"),
        (",yes", "userPrincipalName is missing"),
        ("ab,yes", "must have the form name@domain"),
        ("a@b.c,yes,more", "the row has 3 cells, the header 2"),
        ('a@b.c,"ye"s', "can't be read as CSV"),
        ("a\udcff@b.c,yes", "control character"),
    ],
)
def test_a_bad_row_is_named_with_line_and_reason_and_the_rest_is_read(row: str, reason: str) -> None:
    rows = _parse(f"userPrincipalName,accountEnabled\n{row}\nd@e.f,yes\n")

    assert isinstance(rows[0], BadRow)
    assert rows[0].line == 2
    assert reason in rows[0].reason
    assert rows[1:] == [PersonRow(3, {"userPrincipalName": "d@e.f", "accountEnabled": True})]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "no header line"),
        ("displayName", "no column userPrincipalName"),
        ("userPrincipalName,givname", "Did you mean givenName"),
        ("userPrincipalName,onPremisesExtensionAttributes", "needs a column for each attribute"),
    ],
)
def test_a_header_that_can_not_be_understood_is_refused(header: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        _parse(f"{header}\n")


def test_text_that_is_not_utf8_is_a_bad_row() -> None:
    rows: list[Any] = _parse("userPrincipalName,displayName\na@b.c,Jos\udce9\n")

    assert "not UTF-8" in rows[0].reason


def test_the_older_names_in_the_bulk_template_of_entra_are_understood() -> None:
    (ada,) = _parse(
        "version:v1.0\n"
        "Name [displayName] Required,User name [userPrincipalName] Required,Office [physicalDeliveryOfficeName],"
        "Office phone [telephoneNumber],Mobile phone [mobile]\n"
        "Ada,ada@example.com,Room 1,+44 1,+44 2\n"
    )

    assert isinstance(ada, PersonRow)
    assert (ada.attributes["officeLocation"], ada.attributes["businessPhones"], ada.attributes["mobilePhone"]) == (
        "Room 1",
        ["+44 1"],
        "+44 2",
    )


def test_a_column_that_is_there_twice_is_refused() -> None:
    with pytest.raises(Invalid, match="userPrincipalName twice"):
        _parse("userPrincipalName,displayName,userPrincipalName\na@example.com,A,b@example.com\n")


def test_a_cell_of_several_values_is_a_json_list_or_has_them_separated_by_semicolons() -> None:
    rows = _parse(
        "userPrincipalName,displayName,otherMails\n"
        'a@b.c,Ada,"[""x@b.c"", ""y@b.c""]"\n'
        "b@b.c,Bob,x@b.c; y@b.c\n"
        'c@b.c,Cem,"[""x@b.c"", 1]"\n'
        'd@b.c,Dee,"[x@b.c"\n'
    )

    assert [row.attributes["otherMails"] for row in rows if isinstance(row, PersonRow)] == [["x@b.c", "y@b.c"]] * 2
    bad = [row for row in rows if isinstance(row, BadRow)]
    assert [row.line for row in bad] == [4, 5]
    assert all("otherMails must be a JSON list of texts" in row.reason for row in bad)
