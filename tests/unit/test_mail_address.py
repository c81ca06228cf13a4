"""Which texts are mail addresses."""

from __future__ import annotations

import pytest

from rollcall.mail_address import check_mail_address

GOOD = ["ops@contoso.com", "o'neil+night=1@mail.contoso.co.uk", "a.b@xn--bcher-kva.example", "x" * 64 + "@a.example"]
BAD = [
    "", "ops", "@contoso.com", "ops@", "ops@contoso", "ops@contoso..com", "ops@-contoso.com", "ops@contoso.com.",
    "o ps@contoso.com", ".ops@contoso.com", "o..ps@contoso.com", "ops@contoso.com\r\nBcc: thief@example.com",
    "ops@contoso.com\n", "ops@contoso.com,night@contoso.com", "Ops <ops@contoso.com>", '"o ps"@contoso.com',
    "ops@[127.0.0.1]", "ops@127.0.0.1", "öps@contoso.com", "ops@bücher.example", "x" * 65 + "@contoso.com",
    "ops@" + "a." * 130 + "com", "a@b@contoso.com", "ops\x00@contoso.com", None, 7,
]  # fmt: skip


@pytest.mark.parametrize("address", GOOD)
def test_an_address_stays_as_it_is(address: str) -> None:
    assert check_mail_address(address) == address


@pytest.mark.parametrize("written", BAD)
def test_what_is_no_address_is_refused_with_the_rule(written: object) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        check_mail_address(written)
