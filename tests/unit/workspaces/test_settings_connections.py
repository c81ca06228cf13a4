"""What may stand in the fields of a single sign-on configuration."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey, RSAKey

from rollcall.outbound import Reach, address_fault
from rollcall.workspaces.settings.connections import Draft, is_another_provider, read_oidc, required_strengths
from rollcall.workspaces.sso.configuration import CONSUMER_TENANT, Kind, MatchBy, SsoConfiguration, Strength

ID = UUID(int=7)
TENANT = "0f1e2d3c-0000-4000-8000-5b6a79880000"
OTHER = "1a1e2d3c-0000-4000-8000-5b6a79880000"
GOOD: dict[Kind, dict[str, str]] = {
    Kind.ENTRA_MULTI_TENANT: {"tenant_ids": TENANT},
    Kind.ENTRA: {"tenant_ids": TENANT, "client_id": "app", "client_secret": "secret-of-the-registration"},
    Kind.OPENID_CONNECT: {"issuer": "https://login.example.com", "client_id": "app", "public_client": "true"},
}


def read(kind: Kind, present: SsoConfiguration | None = None, /, **typed: Any) -> tuple[Draft, list[tuple[str, str]]]:
    """The draft, and the field and code of each fault."""
    consumer = typed.pop("consumer", False)

    def refused(url: str) -> str | None:
        return address_fault(url, Reach())

    draft, found = read_oidc(ID, kind, GOOD[kind] | typed, present, consumer_tenant=consumer, refused=refused)
    return draft, [(each.field, each.code) for each in found.faults]


def configuration(kind: Kind, **typed: str) -> SsoConfiguration:
    draft, faults = read(kind, **typed)
    assert faults == []
    return draft.configuration


@pytest.mark.parametrize("kind", GOOD)
def test_the_name_is_by_default_the_kinds_own(kind: Kind) -> None:
    assert configuration(kind).name == kind.words


@pytest.mark.parametrize(
    "typed",
    [TENANT.upper(), f"{{{TENANT}}}", f"  {TENANT}\n", f"{TENANT},", f"{TENANT}, {TENANT.upper()}"],
    ids=["capitals", "braces", "blanks", "comma", "repeated"],
)
def test_a_tenant_id_is_forgiven_how_it_is_written(typed: str) -> None:
    assert configuration(Kind.ENTRA, tenant_ids=typed).tenants == (TENANT,)


def test_several_tenants_are_for_multi_tenant_only() -> None:
    both = f"{TENANT}, {OTHER}"

    assert configuration(Kind.ENTRA_MULTI_TENANT, tenant_ids=both).tenants == (TENANT, OTHER)
    assert read(Kind.ENTRA, tenant_ids=both)[1] == [("tenant_ids", "tenant_id_invalid")]


@pytest.mark.parametrize(
    ("kind", "field", "value", "code"),
    [
        *((Kind.ENTRA, "tenant_ids", each, "tenant_id_invalid") for each in ("common", "Organizations", "consumers")),
        (Kind.ENTRA_MULTI_TENANT, "tenant_ids", CONSUMER_TENANT, "tenant_id_invalid"),
        (Kind.ENTRA_MULTI_TENANT, "tenant_ids", "contoso.onmicrosoft.com", "tenant_id_invalid"),
        (Kind.ENTRA_MULTI_TENANT, "tenant_ids", "0f1e2d3c", "tenant_id_invalid"),
        (Kind.ENTRA_MULTI_TENANT, "tenant_ids", "", "required"),
        (Kind.ENTRA, "name", "n" * 101, "too_long"),
        (Kind.ENTRA, "name", "a\x00b", "not_printable"),
        (Kind.ENTRA, "client_id", "", "required"),
        (Kind.ENTRA, "client_id", "a" * 256, "too_long"),
        (Kind.ENTRA, "client_id", "a b", "client_id_invalid"),
        (Kind.ENTRA, "client_secret", "", "required"),
        (Kind.ENTRA, "client_secret", "{}", "key_invalid"),
        (Kind.ENTRA, "client_secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "key_invalid"),
        (Kind.ENTRA, "secret_expires", "31.3.2027", "date_invalid"),
        (Kind.OPENID_CONNECT, "public_client", "", "required"),
        (Kind.OPENID_CONNECT, "issuer", "", "required"),
        (Kind.OPENID_CONNECT, "issuer", "http://login.example.com", "issuer_invalid"),
        (Kind.OPENID_CONNECT, "issuer", "https://login.example.com?tenant=a", "issuer_invalid"),
        (Kind.OPENID_CONNECT, "issuer", "https://login.example.com/?", "issuer_invalid"),
        (Kind.OPENID_CONNECT, "issuer", "https://login.example.com#a", "issuer_invalid"),
        (Kind.OPENID_CONNECT, "issuer", "https://me:pass@login.example.com", "issuer_invalid"),
        (Kind.OPENID_CONNECT, "issuer", "https://[::1", "issuer_invalid"),
        (Kind.OPENID_CONNECT, "issuer", "login.example.com", "issuer_invalid"),
        (Kind.OPENID_CONNECT, "issuer", "https://169.254.169.254", "address_not_allowed"),
        (Kind.OPENID_CONNECT, "issuer", "https://10.0.0.1", "address_not_allowed"),
        (Kind.OPENID_CONNECT, "scopes", "profile email", "scopes_invalid"),
        (Kind.OPENID_CONNECT, "scopes", 'openid "', "scopes_invalid"),
        (Kind.OPENID_CONNECT, "group_claim", "g" * 256, "too_long"),
        (Kind.OPENID_CONNECT, "group_source", "guess", "not_offered"),
        (Kind.OPENID_CONNECT, "match_by", "email", "not_offered"),
        (Kind.OPENID_CONNECT, "strength", "strong", "not_offered"),
        (Kind.OPENID_CONNECT, "strength", "values", "required"),
    ],
)
def test_a_field_is_refused_with_its_code(kind: Kind, field: str, value: str, code: str) -> None:
    faults = read(kind, **{field: value})[1]

    assert [each for each in faults if each[1] == code] == [
        ("client_secret" if field == "public_client" else "strength_values" if value == "values" else field, code)
    ]


def test_all_wrong_fields_are_told_together() -> None:
    faults = read(Kind.OPENID_CONNECT, issuer="", client_id="", scopes="email", group_source="guess")[1]

    assert [field for field, _ in faults] == ["client_id", "issuer", "scopes", "group_source"]


def test_the_tenant_of_personal_accounts_is_taken_where_the_operator_says_so() -> None:
    draft, faults = read(Kind.ENTRA_MULTI_TENANT, consumer=True, tenant_ids=CONSUMER_TENANT)

    assert (draft.configuration.tenants, faults) == ((CONSUMER_TENANT,), [])


@pytest.mark.parametrize("form", ["jwk", "pem", "ec pem"])
def test_a_private_key_is_read_and_kept_as_json_web_key(form: str) -> None:
    key: Any = ECKey.generate_key("P-256") if form == "ec pem" else RSAKey.generate_key(2048)
    text = json.dumps(key.as_dict(private=True)) if form == "jwk" else key.as_pem(private=True).decode()

    client = configuration(Kind.ENTRA, client_secret=text).client

    assert client is not None
    assert client.secret is None
    assert client.key is not None
    assert '"d"' in client.key


@pytest.mark.parametrize("form", ["jwk", "pem"])
def test_a_weak_key_is_refused(form: str) -> None:
    key = rsa.generate_private_key(65537, 1024)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    modulus = base64.urlsafe_b64encode(key.public_key().public_numbers().n.to_bytes(128)).decode().rstrip("=")
    jwk = json.dumps({"kty": "RSA", "n": modulus, "e": "AQAB", "d": modulus})

    assert read(Kind.ENTRA, client_secret=jwk if form == "jwk" else pem)[1] == [("client_secret", "key_invalid")]


def test_a_secret_stays_when_none_is_typed() -> None:
    before = configuration(Kind.ENTRA)
    draft, faults = read(Kind.ENTRA, before, client_secret="", name="Renamed")

    assert (faults, draft.secret_typed, draft.configuration.client) == ([], False, before.client)


def test_a_public_client_has_no_secret() -> None:
    client = configuration(Kind.OPENID_CONNECT, client_secret="left over").client

    assert client is not None
    assert client.secret is None


@pytest.mark.parametrize(
    ("typed", "another"),
    [
        ({"name": "Renamed"}, False),
        ({"client_secret": "another-secret-of-it"}, False),
        ({"group_claim": "roles"}, False),
        ({"tenant_ids": OTHER}, True),
        ({"client_id": "another"}, True),
    ],
    ids=["name", "secret", "group claim", "tenant", "client id"],
)
def test_sessions_end_for_what_makes_it_another_provider(typed: dict[str, str], another: bool) -> None:
    before = configuration(Kind.ENTRA)
    after = read(Kind.ENTRA, before, **typed)[0].configuration

    assert is_another_provider(before, after) is another


def test_factors_are_required_however_the_provider_says_so() -> None:
    strength = configuration(Kind.OPENID_CONNECT, strength="mfa").strength

    assert strength == Strength(mfa=True)
    assert "mfa" in required_strengths(strength)
    assert required_strengths(configuration(Kind.ENTRA, strength="values", strength_values="c1, c2").strength) == (
        "c1",
        "c2",
    )


def test_people_are_matched_by_what_provisioning_sends() -> None:
    assert configuration(Kind.ENTRA).match_by is MatchBy.EXTERNAL_ID
    assert configuration(Kind.ENTRA, match_by="user_name").match_by is MatchBy.USER_NAME
