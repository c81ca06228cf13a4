"""`rollcall user`, `rollcall role` and what `rollcall application` says of sign-in, as processes on a real database."""

from __future__ import annotations

import html
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from typing import Any

import pytest

from tests.cli.program import Program, Up

PEOPLE = """userPrincipalName,displayName
ada@example.com,Ada Lovelace
charles@example.com,Charles Babbage
"""
CALLBACK = "https://work.example.com/callback"
PASSWORD = "seven unrelated words"


@pytest.fixture(scope="module")
def people(program: Program) -> Program:
    (program.folder / "people.csv").write_text(PEOPLE)
    program.ok("directory", "import", "people.csv")
    return program


def web() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))


def set_password(link: str, **typed: str) -> str:
    """Open a link and fill in its form; the page that follows."""
    browser = web()
    page = browser.open(link, timeout=30).read().decode()
    token = re.search(r'<form method="post" action="/set-password.*?name="([^"]+)" value="([^"]+)"', page, re.DOTALL)
    assert token is not None, page
    form = {token[1]: html.unescape(token[2]), "password": PASSWORD, "again": PASSWORD, **typed}
    origin = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(link))
    request = urllib.request.Request(link, urllib.parse.urlencode(form).encode(), {"Origin": origin})
    return str(browser.open(request, timeout=30).read().decode())


def at(up: Up, link: str) -> str:
    """The same link where the identity half is served now: commands know its configured port, here it is any free one."""
    return f"{up.line['identity_url']}" + urllib.parse.urlsplit(link).path


def test_the_first_administrator_comes_by_a_link_that_can_be_made_again_until_there_is_one(
    people: Program, up: Up
) -> None:
    """(checks C26, C23)"""
    first = up.line["first_administrator"]["default"]
    second = people.ok("user", "first-administrator", "--json").json["link"]
    assert "not good any more" in _refused(first)

    page = set_password(at(up, second), address="grace@example.com", name="Grace Hopper")

    assert "Enter your password" in page
    said = people("user", "first-administrator")
    assert (said.code, "rollcall user invite UPN" in said.err) == (2, True)
    held = people.ok("role", "list", "--json").json["roles"]
    assert [(each["role"], each["user_principal_name"]) for each in held] == [
        ("Global Administrator", "grace@example.com")
    ]


def _refused(link: str) -> str:
    with pytest.raises(urllib.error.HTTPError) as caught:
        web().open(link, timeout=30)
    assert caught.value.code == 404
    return caught.value.read().decode()


def test_several_people_are_invited_at_once_and_none_when_one_is_not_there(people: Program, up: Up) -> None:
    made = people.ok("user", "invite", "ada@example.com", "charles@example.com", "--json").json["links"]
    assert [each["user_principal_name"] for each in made] == ["ada@example.com", "charles@example.com"]
    assert "ada@example.com" in set_password(at(up, made[0]["link"]))
    assert "not good any more" in _refused(at(up, made[0]["link"])), "it is good once"

    said = people("user", "invite", "charles@example.com", "nobody@example.com")
    assert (said.code, said.out) == (2, "")
    assert "There is no user 'nobody@example.com'" in said.err
    assert "Set a password" in web().open(at(up, made[1]["link"]), timeout=30).read().decode(), (
        "the old one is good still"
    )

    new = people.ok("user", "reset-password", "charles@example.com", "--authenticator", "--json").json["links"]
    assert "not good any more" in _refused(at(up, made[1]["link"]))
    assert new[0]["link"] != made[1]["link"]


def test_a_person_who_is_signed_in_nowhere_is_signed_out_all_the_same(people: Program) -> None:
    assert "signed in nowhere" in people.ok("user", "sessions", "ada@example.com").err
    assert people.ok("user", "sessions", "ada@example.com", "--json").json == {"sessions": []}
    assert people.ok("user", "sign-out", "ada@example.com", "--json").json["sessions"] == 0


def _words(printed: str) -> str:
    return " ".join(printed.split())


@pytest.mark.parametrize("role", ["Application Administrator", "Cloud Application Administrator", "User Administrator"])
def test_a_role_is_granted_and_revoked(people: Program, role: str) -> None:
    assert people.ok("role", "grant", role.lower(), "ada@example.com", "--json").json["changed"] is True
    assert people.ok("role", "grant", role, "ada@example.com", "--json").json["changed"] is False
    assert f"{role} – ada@example.com Ada Lovelace" in _words(people.ok("role", "list").out)
    assert "is no longer" in people.ok("role", "revoke", role, "ada@example.com").out
    assert "was not" in people.ok("role", "revoke", role, "ada@example.com").out


def test_an_application_has_owners(people: Program) -> None:
    people.ok("application", "register", "Owned", "--redirect-uri", CALLBACK)
    words = ("Application Owner", "ada@example.com", "--application", "Owned")
    assert "is now Application Owner of Owned" in people.ok("role", "grant", *words).out
    assert "Application Owner Owned ada@example.com" in _words(people.ok("role", "list").out)
    assert people.ok("role", "revoke", *words, "--json").json["changed"] is True


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("role", "grant", "Emperor", "ada@example.com"), "There is no role 'Emperor'"),
        (("role", "grant", "Application Owner", "ada@example.com"), "needs --application"),
        (("role", "grant", "User Administrator", "ada@example.com", "--application", "Plain"), "for all applications"),
        (("application", "registration", "Plain"), "rollcall application register Plain"),
        (("application", "change-registration", "Plain"), "Say what to change"),
        (("application", "add", "nonsense"), "No tenant has registered"),
        (("application", "register", "Bad", "--redirect-uri", "http://work.example.com/"), "https://"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(people: Program, words: tuple[str, ...], sentence: str) -> None:
    if people("application", "registration", "Plain").err.startswith("There is no application"):
        people.ok("application", "create", "Plain")
    said = people(*words)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err


def test_a_registration_that_was_refused_left_no_application_behind(people: Program) -> None:
    people("application", "register", "Half made", "--redirect-uri", "ftp://work.example.com/")
    names = [each["display_name"] for each in people.ok("application", "list", "--json").json["applications"]]
    assert "Half made" not in names


def test_an_application_is_registered_and_its_secret_shown_once(people: Program, up: Up) -> None:
    made = people.ok(
        "application", "register", "Work", "--redirect-uri", CALLBACK, "--redirect-uri", CALLBACK + "/2",
        "--post-logout-redirect-uri", "https://work.example.com/bye", "--group-claims", "SecurityGroup", "--json",
    ).json  # fmt: skip
    shown = people.ok("application", "registration", "Work", "--json").json
    assert made["redirect_uris"] == [CALLBACK, CALLBACK + "/2"]
    assert made["authority"].endswith(f"/{made['tenant_id']}/v2.0")
    assert len(made["client_secret"]) > 40
    assert "client_secret" not in shown
    assert [each["ends_with"] for each in shown["secrets"]] == [made["client_secret"][-4:]]
    assert {name: shown[name] for name in shown if name != "secrets"} == {
        name: made[name] for name in made if name not in ("secrets", "client_secret")
    }
    assert _token_status(up, made, made["client_secret"]) == 200

    other = people.ok("application", "add-secret", "Work", "--days", "10", "--label", "new", "--json").json
    people.ok("application", "remove-secret", "Work", made["client_secret"][-4:])
    assert [_token_status(up, made, each) for each in (other["secret"], made["client_secret"])] == [200, 401]


def _token_status(up: Up, made: dict[str, Any], secret: str) -> int:
    url = f"{up.line['identity_url']}/{made['tenant_id']}/oauth2/v2.0/token"
    form = {
        "grant_type": "client_credentials",
        "client_id": made["client_id"],
        "client_secret": secret,
        "scope": f"{made['client_id']}/.default",
    }
    try:
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=30) as response:
            assert json.load(response)["token_type"] == "Bearer"
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_what_is_not_named_stays_in_a_registration(people: Program) -> None:
    people.ok(
        "application", "register", "Changing", "--redirect-uri", CALLBACK, "--back-channel-logout-url",
        "https://work.example.com/out",
    )  # fmt: skip
    changed = people.ok(
        "application", "change-registration", "Changing", "--group-claims", "ApplicationGroup", "--json"
    ).json
    assert (changed["group_membership_claims"], changed["redirect_uris"]) == ("ApplicationGroup", [CALLBACK])
    assert changed["back_channel_logout_url"] == "https://work.example.com/out"
    emptied = people.ok(
        "application", "change-registration", "Changing", "--back-channel-logout-url", "", "--json"
    ).json
    assert emptied["back_channel_logout_url"] is None
    taken = people("application", "register", "Changing", "--redirect-uri", CALLBACK)
    assert (taken.code, "is registered already" in taken.err) == (2, True)


def test_an_application_for_many_tenants_is_added_to_another_one(people: Program) -> None:
    people.ok("tenant", "create", "contoso")
    here = ("--tenant", "default")
    many = people.ok(
        "application", "register", "Many", "--audience", "AzureADMultipleOrgs", "--public", "--redirect-uri", CALLBACK,
        *here, "--json",
    ).json  # fmt: skip
    assert many["authority"].endswith("/organizations/v2.0")
    assert "client_secret" not in many, "a public application has none"
    added = people.ok("application", "add", many["client_id"], "--tenant", "contoso", "--json").json
    assert added["app_id"] == many["client_id"]
    again = people("application", "add", many["client_id"], "--tenant", "contoso")
    assert (again.code, "already" in again.err) == (2, True)
    mine = people.ok("application", "register", "Mine", "--redirect-uri", CALLBACK, *here, "--json").json
    refused = people("application", "add", mine["client_id"], "--tenant", "contoso")
    assert (refused.code, "of the tenant that registered it only" in refused.err) == (2, True)

    shut = people.ok("application", "access", "Many", "--tenant", "contoso", "--disabled", "--everybody", "--json").json
    assert (shut["enabled"], shut["assignment_required"]) == (False, False)
    assert people.ok("application", "access", "Many", "--tenant", "contoso", "--json").json == shut
