"""LDIF: every turn of RFC 2849 that real files take."""

from __future__ import annotations

import pytest

from rollcall.directory.importing_ldif import parse_ldif
from rollcall.directory.importing_rows import BadRow, GroupRow, Note, Parsed, PersonRow


def _parse(text: str) -> list[Parsed]:
    return list(parse_ldif(text.splitlines(keepends=True)))


def _person(attributes: str, dn: str = "uid=a,ou=People,dc=x") -> Parsed:
    [row] = _parse(f"dn: {dn}\nobjectClass: inetOrgPerson\n{attributes}\n")
    return row


def test_a_person_is_read_under_graph_names() -> None:
    row = _person(
        "cn: Ada Byron\nsn: Byron\ngivenname: Ada\nuid: ada\nmail: ada@x.org\ntelephonenumber: 1\n"
        "telephoneNumber: 2\nmobile: 3\nfacsimiletelephonenumber: 4\nl: London\nroomNumber: 5\nou: Engines\nou: People\n"
        "title: Countess\nst: Kent\npostalCode: W1\nstreet: Row 6\nco: England\no: Analytical\nemployeeNumber: 7\n"
        "preferredLanguage: en\nuserPassword: secret\nmanager: UID=c, ou=people,dc=X"
    )

    assert row == PersonRow(
        1,
        {
            "userPrincipalName": "ada@x.org",
            "mail": "ada@x.org",
            "mailNickname": "ada",
            "displayName": "Ada Byron",
            "givenName": "Ada",
            "surname": "Byron",
            "businessPhones": ["1", "2"],
            "mobilePhone": "3",
            "faxNumber": "4",
            "city": "London",
            "officeLocation": "5",
            "department": "Engines",
            "jobTitle": "Countess",
            "state": "Kent",
            "postalCode": "W1",
            "streetAddress": "Row 6",
            "country": "England",
            "companyName": "Analytical",
            "employeeId": "7",
            "preferredLanguage": "en",
        },
        "uid=a,ou=people,dc=x",
        "dn:uid=c,ou=people,dc=x",
    )


def test_folds_comments_base64_and_line_ends_are_understood() -> None:
    rows = _parse(
        "version: 1\r\n# first\r\n folded comment\r\n\r\ndn:: dWlkPWEsZGM9eA==\r\nobjectclass: person\r\n"
        "# inside\r\ncn: Ada\r\n  By\r\n ron\r\nmail:: YWRhQHgub3Jn\r\n\r\n\r\n\r\n"
    )

    assert rows == [
        PersonRow(
            5,
            {"userPrincipalName": "ada@x.org", "mail": "ada@x.org", "displayName": "Ada Byron"},
            "uid=a,dc=x",
        )
    ]


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ("userPrincipalName: a@b.c\nmail: d@e.f\nuid: g@h.i", "a@b.c"),
        ("mail: d@e.f\nuid: g@h.i", "g@h.i"),
        ("mail: d@e.f\nuid: g", "d@e.f"),
    ],
)
def test_people_sign_in_with_their_own_name_then_uid_then_mail(attributes: str, name: str) -> None:
    row = _person(attributes)

    assert isinstance(row, PersonRow)
    assert row.attributes["userPrincipalName"] == name


@pytest.mark.parametrize(
    ("attribute", "enabled"),
    [("nsAccountLock: TRUE", False), ("nsAccountLock: false", True), ("userAccountControl: 514", False),
     ("userAccountControl: 512", True), ("description: x", None)],
)  # fmt: skip
def test_a_locked_account_is_not_enabled(attribute: str, enabled: bool | None) -> None:
    row = _person(f"mail: a@b.c\n{attribute}")

    assert isinstance(row, PersonRow)
    assert row.attributes.get("accountEnabled") is enabled


def test_groups_of_both_kinds_name_their_members_in_one_form() -> None:
    rows = _parse(
        "dn: cn=A,dc=x\nobjectclass: groupofuniquenames\ncn: A\nuniquemember: uid=B, dc=x\nuniquemember: UID=b,dc=x\n"
        "uniquemember: uid=c,dc=x#'0101'B\n\ndn: cn=D,dc=x\nobjectclass: groupOfNames\ncn: D\ndescription: E\n"
        "member: cn=A,dc=x\n"
    )

    assert rows == [
        GroupRow(1, {"displayName": "A"}, "cn=a,dc=x", ("dn:uid=b,dc=x", "dn:uid=c,dc=x")),
        GroupRow(8, {"displayName": "D", "description": "E"}, "cn=d,dc=x", ("dn:cn=a,dc=x",)),
    ]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ("cn: A", "neither userPrincipalName nor mail"),
        ("mail: a@b.c\nno colon", "line 4 is not `attribute: value`"),
        ("mail:: §§", "line 3: the value of mail is not base64"),
        ("mail: a@b.c\ncn:< file:///etc/passwd", "values in other files are not read"),
        ("changetype: modify\nmail: a@b.c", "changetype modify can't be imported"),
        ("mail: a b@c.d", "has a blank"),
        ("mail: a@b.c\nmanager: nobody", "is not a distinguished name"),
        ("mail: a@b.c\ncn:: /w==", "not UTF-8"),
        (f"mail: a@b.c\nemployeeNumber: {'9' * 17}", "at most 16"),
    ],
)
def test_a_bad_entry_is_named_with_line_and_reason(attributes: str, reason: str) -> None:
    row = _person(attributes)

    assert isinstance(row, BadRow)
    assert row.line == 1
    assert reason in row.reason


def test_what_is_not_imported_is_not_looked_into() -> None:
    row = _person("mail: a@b.c\njpegPhoto:< file:///photo.jpg\nuserCertificate;binary:: §§\nmail;lang-en: other")

    assert row == PersonRow(1, {"userPrincipalName": "a@b.c", "mail": "a@b.c"}, "uid=a,ou=people,dc=x")


def test_containers_are_passed_over_and_counted() -> None:
    rows = _parse("dn: dc=x\nobjectclass: domain\ndc: x\n\ndn: ou=y,dc=x\nobjectclass: organizationalUnit\n")

    assert rows == [Note("2 entries are neither a person nor a group and were passed over.")]
