"""Two spellings of a distinguished name come out the same, two names never."""

from __future__ import annotations

import pytest

from rollcall.directory.distinguished_name import attribute_values, normalise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("uid=nora,ou=People,dc=example", "uid=nora,ou=people,dc=example"),
        ("UID = Nora , OU=people,  dc=Example", "uid=nora,ou=people,dc=example"),
        ("uid=nora;ou=People", "uid=nora,ou=people"),
        ('cn="Berg, Nora",ou=People', r"cn=berg\, nora,ou=people"),
        (r"cn=Berg\, Nora,ou=People", r"cn=berg\, nora,ou=people"),
        (r"cn=Berg\2C Nora,ou=People", r"cn=berg\, nora,ou=people"),
        (r"cn=\C3\98laf", "cn=ølaf"),
        ("cn=ØLAF", "cn=ølaf"),
        ("sn=Berg+givenName=Nora,o=x", "givenname=nora+sn=berg,o=x"),
        ("givenName=Nora + sn=Berg,o=x", "givenname=nora+sn=berg,o=x"),
        ("cn=Nora   von  Berg,o=x", "cn=nora von berg,o=x"),
        (r"cn=\ Nora\ ,o=x", "cn= nora ,o=x"),
        ("cn=a=b,o=x", r"cn=a\=b,o=x"),
        ("2.5.4.3=x,o=", "2.5.4.3=x,o="),
        ("", ""),
    ],
)
def test_a_name_is_brought_into_one_form(text: str, expected: str) -> None:
    assert normalise(text) == expected
    assert normalise(expected) == expected or expected != expected.strip() or "= " in expected


@pytest.mark.parametrize("text", ["nora", "uid=a,b", "=x", "u id=x", 'cn="open', 'cn="a"b', "cn=a\\", ",", "cn=a,"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a distinguished name"):
        normalise(text)


def test_the_values_of_an_attribute_are_found() -> None:
    assert attribute_values("uid=a, OU=People ,ou=Sales,dc=x", "ou") == {"people", "sales"}
