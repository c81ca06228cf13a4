"""JSON: a document of users and groups, a list, or a line for each; read piece by piece."""

from __future__ import annotations

import io
import json

import pytest

from rollcall.directory.importing_json import parse_json
from rollcall.directory.importing_rows import NO_CREDENTIALS, NOBODY, BadRow, GroupRow, Parsed, PersonRow
from rollcall.errors import Invalid


def _parse(text: str, piece: int = 1 << 16) -> list[Parsed]:
    source = io.StringIO(text)
    return list(parse_json(lambda wanted: source.read(min(wanted, piece))))


_DOCUMENT = """
{
  "@odata.context": "x",
  "users": [
    {"userPrincipalName": "a@b.c", "displayName": "Ada \\"A\\" Å", "manager": null, "id": "1", "accountEnabled": false},
    {"userPrincipalName": "d@e.f", "mail": null, "manager": {"userPrincipalName": "A@b.c"}, "memberOf": ["Sales"]}
  ],
  "groups": [
    {"displayName": "Sales", "members": ["a@b.c", {"userPrincipalName": "d@e.f"}, {"displayName": "Inner"}, "A@B.C"]},
    {"displayName": "Inner"}
  ]
}
"""


@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_a_document_gives_the_same_rows_in_pieces_of_any_size(piece: int) -> None:
    rows = _parse(_DOCUMENT, piece)

    assert rows == [
        PersonRow(
            5, {"userPrincipalName": "a@b.c", "displayName": 'Ada "A" Å', "accountEnabled": False}, manager=NOBODY
        ),
        PersonRow(6, {"userPrincipalName": "d@e.f", "mail": None}, manager="upn:a@b.c", groups=("Sales",)),
        GroupRow(9, {"displayName": "Sales"}, members=("upn:a@b.c", "upn:d@e.f", "group:inner")),
        GroupRow(10, {"displayName": "Inner"}),
    ]


@pytest.mark.parametrize("piece", [1, 100_000])
def test_a_list_and_lines_give_the_same(piece: int) -> None:
    objects = [
        {"userPrincipalName": "a@b.c", "displayName": "A"},
        {"displayName": "G", "members": ["a@b.c"]},
        {"userPrincipalName": "d@e.f", "passwordProfile": {"password": "x"}},
    ]
    expected: list[Parsed] = [
        PersonRow(1, {"userPrincipalName": "a@b.c", "displayName": "A"}),
        GroupRow(2, {"displayName": "G"}, members=("upn:a@b.c",)),
        NO_CREDENTIALS,
        PersonRow(3, {"userPrincipalName": "d@e.f"}),
    ]

    assert _parse("[" + ",\n".join(json.dumps(each) for each in objects) + "]\n", piece) == expected
    assert _parse("\n".join(json.dumps(each) for each in objects), piece) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('"a"', "must be an object"),
        ('{"mail": "x"}', "neither a user"),
        ('{"userPrincipalName": "a@b.c", "city": 1}', "city must be a text"),
        ('{"userPrincipalName": "a@b.c", "surnam": "x"}', "Did you mean surname"),
        ('{"userPrincipalName": "a@b.c", "manager": 7}', "should be a userPrincipalName"),
        ('{"userPrincipalName": "a@b.c", "memberOf": 7}', "memberOf must be a list"),
        ('{"displayName": "G", "members": [""]}', "should be a userPrincipalName"),
        ('{"displayName": null, "members": []}', "displayName of the group is missing"),
        ('{"userPrincipalName": "a@b.c", "city": "\\ud800"}', "not UTF-8"),
    ],
)
def test_a_bad_row_is_named_with_line_and_reason_and_the_rest_is_read(value: str, reason: str) -> None:
    rows = _parse(f'[\n{value},\n{{"userPrincipalName": "d@e.f"}}]')

    assert isinstance(rows[0], BadRow)
    assert rows[0].line == 2
    assert reason in rows[0].reason
    assert rows[1] == PersonRow(3, {"userPrincipalName": "d@e.f"})


@pytest.mark.parametrize(
    "text",
    [
        '[{"userPrincipalName": "a@b.c"}\n{}]',
        '{"users": [\n{"userPrincipalName" "a@b.c"}]}',
        '\n"users"',
        '[\n{"a": ',
        "[\n" + "[" * 100_000,
    ],
)
def test_text_that_is_no_json_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(Invalid, match="Line 2"):
        _parse(text)


def test_somebody_among_the_users_without_a_name_is_a_bad_row_and_no_group() -> None:
    (row,) = _parse('{"users": [{"displayName": "no name"}]}')

    assert isinstance(row, BadRow)
    assert "userPrincipalName" in row.reason
