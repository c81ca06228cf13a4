"""Domains and addresses as they are typed."""

from __future__ import annotations

import pytest

from rollcall.workspaces.domains import normal_domain, read_addresses_and_domains, read_domains


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("acme.example", "acme.example"),
        ("  ACME.Example ", "acme.example"),
        ("sub.acme.co.uk", "sub.acme.co.uk"),
        ("acme.co.uk", "acme.co.uk"),
        ("contoso.onmicrosoft.com", "contoso.onmicrosoft.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_has_one_normal_form(typed: str, expected: str) -> None:
    assert normal_domain(typed) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "ada@acme.example",
        "@acme.example",
        "*.acme.example",
        "acme example",
        "com",
        "co.uk",
        "github.io",
        "localhost",
        "acme.",
        ".acme.example",
        "acme..example",
        "-acme.example",
        "192.0.2.1",
        "https://acme.example",
        "acme.example/",
        f"{'a' * 64}.example",
        f"{'a.' * 130}example",
        "a\u2024\u2024b.example",
    ],
)
def test_what_is_no_whole_domain_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        normal_domain(wrong)
    assert {fault.code for fault in read_domains(wrong).faults} == {"domain_invalid"}


def test_a_list_of_domains_keeps_its_order_and_drops_repeats() -> None:
    assert read_domains("b.example, A.example,\nb.example,").values == ("b.example", "a.example")


def test_addresses_and_domains_stand_in_one_list() -> None:
    entries = read_addresses_and_domains("Ada@ACME.example, acme.co.uk, bo@bücher.example")

    assert entries.values == ("ada@acme.example", "acme.co.uk", "bo@xn--bcher-kva.example")
    assert entries.faults == ()


@pytest.mark.parametrize(
    "wrong", ["ada@", "@acme.example", "ada@com", "a b@acme.example", "*@acme.example", "a@b@acme.example"]
)
def test_a_wrong_address_is_named(wrong: str) -> None:
    (fault,) = read_addresses_and_domains(f"acme.example,{wrong}").faults

    assert (fault.code, fault.number, fault.text) == ("domain_invalid", 2, wrong)
