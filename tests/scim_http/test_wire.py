"""Client and server on a real loopback port: the whole way, both directions."""

from __future__ import annotations

from rollcall.scim_http.client import Done, Reason, Refused, ScimClient
from rollcall.scim_http.lookup import equal
from tests.scim_http.asgi import TOKEN
from tests.scim_http.serving import served_apart

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
NAMES = ["mira", 'q"uote\\back', "plus+sign&and=", "ü 山 مريم", "per%cent", "new\nline"]


async def test_what_the_client_sends_the_server_understands() -> None:
    async with served_apart(mount="/scim") as base, ScimClient(f"{base}/scim/?flag", TOKEN) as client:
        for name in NAMES:
            created = await client.send("POST", "/Users", body={"schemas": [USER_URN], "userName": name})
            again = await client.send("POST", "/Users", body={"schemas": [USER_URN], "userName": name})
            found = await client.send("GET", "/Users", query={"filter": equal("userName", name), "count": 1})

            assert isinstance(created, Done)
            assert isinstance(again, Refused)
            assert (again.status, again.reason, again.scim_type) == (409, Reason.CONFLICT, "uniqueness")
            assert isinstance(found, Done)
            assert found.body is not None
            assert [each["userName"] for each in found.body["Resources"]] == [name]

        listed = [page async for page in client.list_all("/Users", attributes=["userName"], page_size=2)]

    assert [each["userName"] for page in listed if isinstance(page, list) for each in page] == NAMES


async def test_every_kind_of_answer_comes_through_the_real_server() -> None:
    large = {"schemas": [USER_URN], "userName": "x" * 5000}
    async with served_apart(max_body_bytes=2000) as base:
        async with ScimClient(base, "wrong") as stranger:
            refused = await stranger.send("GET", "/Users")
        async with ScimClient(base, TOKEN) as client:
            too_large = await client.send("POST", "/Users", body=large)
            missing = await client.send("DELETE", "/Users/nobody")
            slash = await client.send("GET", "/Users/a%2Fb")
            head = await client.send("HEAD", "/Users")

    answers = [(each.status, each.reason) for each in (refused, too_large, missing, slash) if isinstance(each, Refused)]
    assert answers == [
        (401, Reason.UNAUTHORIZED),
        (413, Reason.TOO_LARGE),
        (404, Reason.NOT_FOUND),
        (404, Reason.NOT_FOUND),
    ]
    assert isinstance(head, Done)


def test_a_lookup_may_name_any_path() -> None:
    assert equal("name.familyName", "Lind") == 'name.familyName eq "Lind"'
    assert equal('emails[type eq "work"].value', 'a"b') == 'emails[type eq "work"].value eq "a\\"b"'
    assert equal("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "7") == (
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "7"'
    )
