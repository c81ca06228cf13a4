"""Base URLs of every shape that administrators paste."""

from __future__ import annotations

import pytest

from rollcall.errors import Invalid
from rollcall.scim_http.address import parse_base, resource_path


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://t.example/scim", "https://t.example/scim/Users"),
        ("https://t.example/scim/", "https://t.example/scim/Users"),
        ("https://t.example", "https://t.example/Users"),
        ("  https://t.example:8443/scim/v2/acme \n", "https://t.example:8443/scim/v2/acme/Users"),
        ("https://t.example/scim?aadOptscim062020", "https://t.example/scim/Users?aadOptscim062020"),
        ("https://t.example/scim/?aadOptscim062020&a=b%20c", "https://t.example/scim/Users?aadOptscim062020&a=b%20c"),
        ("https://t.example/für uns".replace(" ", "%20"), "https://t.example/f%C3%BCr%20uns/Users"),
    ],
)
def test_the_path_goes_before_the_query_of_the_base(base: str, url: str) -> None:
    assert parse_base(base).url("/Users") == url


def test_a_query_of_the_base_stays_in_front_of_the_query_of_the_request() -> None:
    url = parse_base("https://t.example/scim?flag").url("/Users", {"filter": 'userName eq "a+b&c"', "count": 2})

    assert url == "https://t.example/scim/Users?flag&filter=userName%20eq%20%22a%2Bb%26c%22&count=2"


@pytest.mark.parametrize(
    "base",
    [
        "",
        "t.example/scim",
        "ftp://t.example/scim",
        "https:///scim",
        "https://t.example:port/scim",
        "https://[::1/scim",
        "https://name:word@t.example/scim",
        "https://t.example/scim#part",
        "https://t.example/sc im",
        "https://t.example/scim\x00",
    ],
)
def test_an_unusable_base_is_refused_with_a_sentence(base: str) -> None:
    with pytest.raises(Invalid, match=r"^The base URL .*\.$") as caught:
        parse_base(base)

    assert caught.value.code == "invalid_base_url"
    assert "word" not in caught.value.message.replace("password", "")


def test_an_id_is_encoded_whatever_it_contains() -> None:
    assert resource_path("/Users", "a/b?c#d é%") == "/Users/a%2Fb%3Fc%23d%20%C3%A9%25"
