"""Who a person is (checks LNK)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from rollcall.workspaces.sso.configuration import Client, Kind, MatchBy, SsoConfiguration
from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.who import Candidate, Facts, Known, Nobody, who

ADA, BEN = UUID(int=1), UUID(int=2)
ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def configuration(
    kind: Kind = Kind.ENTRA, match_by: MatchBy = MatchBy.USER_NAME, tenants: tuple[str, ...] = (ONE,)
) -> SsoConfiguration:
    return SsoConfiguration(UUID(int=9), kind, "x", tenants=tenants, client=Client("c"), match_by=match_by)


NAMED = {"by_user_name": [Candidate(ADA)], "domain_verified": True}

KNOWN: dict[str, tuple[dict[str, Any], SsoConfiguration, Known]] = {
    "LNK-1 a link": ({"linked": ADA, "by_external_id": [Candidate(BEN)]}, configuration(), Known(ADA)),
    "LNK-1 a link goes before a tombstone": ({"linked": ADA, "buried": True}, configuration(), Known(ADA)),
    "LNK-2 the external id": ({"by_external_id": [Candidate(ADA)]}, configuration(), Known(ADA, link=True)),
    "LNK-2 the external id goes before the name": (
        {"by_external_id": [Candidate(ADA)], "by_user_name": [Candidate(BEN)], "domain_verified": True},
        configuration(),
        Known(ADA, link=True),
    ),
    "LNK-3 the user name": (NAMED, configuration(), Known(ADA, link=True)),
    "LNK-3 several tenants allowed, one pinned": (
        NAMED,
        configuration(Kind.ENTRA_MULTI_TENANT),
        Known(ADA, link=True),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_who_is_known(name: str) -> None:
    facts, settings, known = KNOWN[name]

    assert who(Facts(**facts), settings) == known


NOBODY: dict[str, tuple[dict[str, Any], SsoConfiguration]] = {
    "LNK-3 not configured": (NAMED, configuration(match_by=MatchBy.EXTERNAL_ID)),
    "LNK-3 domain not verified": ({**NAMED, "domain_verified": False}, configuration()),
    "LNK-3 several tenants": (NAMED, configuration(Kind.ENTRA_MULTI_TENANT, tenants=(ONE, TWO))),
    "LNK-4 nobody at all": ({}, configuration()),
}


@pytest.mark.parametrize("name", NOBODY)
def test_who_is_nobody(name: str) -> None:
    facts, settings = NOBODY[name]

    assert isinstance(who(Facts(**facts), settings), Nobody)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "LNK-4 deleted": ({"buried": True}, "user_deleted"),
    "LNK-5 linked to another subject": ({"by_external_id": [Candidate(ADA, linked=True)]}, "identity_conflict"),
    "LNK-5 the name of somebody linked": (
        {"by_user_name": [Candidate(ADA, linked=True)], "domain_verified": True},
        "identity_conflict",
    ),
    "LNK-2 two of them": ({"by_external_id": [Candidate(ADA), Candidate(BEN)]}, "identity_conflict"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_who_is_refused(name: str) -> None:
    facts, code = REFUSED[name]

    with pytest.raises(SsoFailed) as failed:
        who(Facts(**facts), configuration())

    assert (failed.value.code, failed.value.check) == (code, name.split(maxsplit=1)[0])
