"""The server's side of RFC 7644: routes, methods, headers, limits and errors."""

from __future__ import annotations

import io
from typing import Any

import pytest
import structlog
from structlog.dev import ConsoleRenderer, RichTracebackFormatter
from structlog.processors import JSONRenderer, dict_tracebacks
from structlog.testing import capture_logs

from rollcall.errors import (
    Conflict,
    Denied,
    Invalid,
    NotFound,
    Refusal,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from rollcall.scim.projection import Projection
from rollcall.scim.schema import Resource, ResourceType
from rollcall.scim_http.memory import MemoryStore
from rollcall.scim_http.server import Request, ResourceStore, scim_app
from tests.scim_http.asgi import TOKEN, AsgiClient, Reply, application

ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST_URN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH_URN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"
BASE = "https://scim.example"


@pytest.fixture
def send() -> AsgiClient:
    return AsgiClient(application())


def person(name: str, **more: Any) -> dict[str, Any]:
    return {"schemas": [USER_URN], "userName": name, **more}


def team(name: str, *members: str) -> dict[str, Any]:
    return {"schemas": [GROUP_URN], "displayName": name, "members": [{"value": each} for each in members]}


def change(op: str, path: str, value: Any) -> dict[str, Any]:
    return {"schemas": [PATCH_URN], "Operations": [{"op": op, "path": path, "value": value}]}


def assert_error(reply: Reply, status: int, scim_type: str | None = None) -> None:
    assert reply.status == status
    assert reply.headers["content-type"] == "application/scim+json"
    assert reply.json["schemas"] == [ERROR_URN]
    assert reply.json["status"] == str(status)  # RFC 7644 §3.12: a JSON string
    assert reply.json.get("scimType") == scim_type
    assert reply.json["detail"]


# --- one resource ---


async def test_a_created_resource_is_answered_with_its_location_and_version(send: AsgiClient) -> None:
    reply = await send("POST", "/Users", person("mira", password="s3cret-word"))

    assert reply.status == 201
    assert reply.headers["content-type"] == "application/scim+json"
    assert reply.headers["content-length"] == str(len(reply.content))
    location = f"{BASE}/Users/{reply.json['id']}"
    assert reply.headers["location"] == reply.json["meta"]["location"] == location
    assert reply.headers["etag"] == reply.json["meta"]["version"]
    assert "password" not in reply.json
    assert b"s3cret-word" not in reply.content

    again = await send("GET", f"/Users/{reply.json['id']}")
    assert (again.status, again.json) == (200, reply.json)


async def test_a_resource_is_replaced_patched_and_deleted(send: AsgiClient) -> None:
    path = f"/Users/{(await send('POST', '/Users', person('mira', title='Lead'))).json['id']}"

    replaced = await send("PUT", path, person("mira.lind"))
    patched = await send("PATCH", path, change("add", "nickName", "Mi"))
    deleted = await send("DELETE", path)

    assert (replaced.status, replaced.json["userName"], "title" in replaced.json) == (200, "mira.lind", False)
    assert (patched.status, patched.json["nickName"]) == (200, "Mi")
    assert patched.headers["etag"] == patched.json["meta"]["version"] != replaced.headers["etag"]
    assert (deleted.status, deleted.content) == (204, b"")
    assert "content-length" not in deleted.headers
    assert_error(await send("GET", path), 404)


async def test_a_group_patch_answers_without_content_unless_attributes_are_asked_for(send: AsgiClient) -> None:
    path = f"/Groups/{(await send('POST', '/Groups', team('Sales'))).json['id']}"

    quiet = await send("PATCH", path, change("replace", "displayName", "North"))
    asked = await send("PATCH", f"{path}?attributes=displayName", change("replace", "displayName", "South"))

    assert (quiet.status, quiet.content) == (204, b"")
    assert quiet.headers["etag"].startswith("W/")
    assert asked.status == 200
    assert asked.json["displayName"] == "South"
    assert set(asked.json) == {"schemas", "id", "displayName"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_unchanged_resource_is_not_sent_again(send: AsgiClient, method: str) -> None:
    created = await send("POST", "/Users", person("mira"))
    path, version = f"/Users/{created.json['id']}", created.headers["etag"]

    same = await send(method, path, headers={"If-None-Match": f'"x", {version}'})
    other = await send(method, path, headers={"If-None-Match": 'W/"other"'})

    assert (same.status, same.content, same.headers["etag"]) == (304, b"", version)
    assert "content-type" not in same.headers
    assert other.status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_change_on_an_old_version_is_refused(send: AsgiClient, method: str) -> None:
    created = await send("POST", "/Users", person("mira"))
    path = f"/Users/{created.json['id']}"
    body = {"PUT": person("mira"), "PATCH": change("add", "title", "x"), "DELETE": None}[method]

    assert_error(await send(method, path, body, {"If-Match": 'W/"old"'}), 412)
    assert (await send(method, path, body, {"If-Match": created.headers["etag"]})).status in (200, 204)


async def test_attributes_choose_what_is_answered_everywhere(send: AsgiClient) -> None:
    created = await send("POST", "/Users?attributes=userName", person("mira", title="Lead", nickName="Mi"))
    path = f"/Users/{created.json['id']}"

    read = await send("GET", f"{path}?attributes=title&attributes=nickName")
    without = await send("GET", f"{path}?excludedAttributes=title,meta")
    replaced = await send("PUT", f"{path}?attributes=nickName", person("mira", nickName="M"))
    listed = await send("GET", "/Users?attributes=nickName")

    assert set(created.json) == {"schemas", "id", "userName"}
    assert created.headers["location"].endswith(created.json["id"])
    assert set(read.json) == {"schemas", "id", "title", "nickName"}
    assert set(without.json) == {"schemas", "id", "userName", "nickName"}
    assert set(replaced.json) == {"schemas", "id", "nickName"}
    assert set(listed.json["Resources"][0]) == {"schemas", "id", "nickName"}


async def test_asking_for_attributes_and_excluding_them_at_once_is_refused(send: AsgiClient) -> None:
    assert_error(await send("GET", "/Users?attributes=title&excludedAttributes=meta"), 400, "invalidValue")


async def test_head_answers_the_headers_of_get(send: AsgiClient) -> None:
    path = f"/Users/{(await send('POST', '/Users', person('mira'))).json['id']}"
    for each in (path, "/Users", "/ServiceProviderConfig", "/nowhere"):
        head, get = await send("HEAD", each), await send("GET", each)

        assert head.content == b""
        assert (head.status, head.headers) == (get.status, get.headers)


async def test_references_carry_absolute_addresses(send: AsgiClient) -> None:
    boss = (await send("POST", "/Users", person("boss"))).json["id"]
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    user = await send("POST", "/Users", person("mira", **{urn: {"manager": {"value": boss}}}))
    group = await send("POST", "/Groups", team("Sales", boss))

    assert user.json[urn]["manager"]["$ref"] == f"{BASE}/Users/{boss}"
    assert group.json["members"][0]["$ref"] == f"{BASE}/Users/{boss}"
    shown = await send("GET", f"/Users/{boss}")
    assert shown.json["groups"][0]["$ref"] == f"{BASE}/Groups/{group.json['id']}"
    listed = await send("GET", "/Groups?attributes=members.$ref")
    assert listed.json["Resources"][0]["members"] == [{"$ref": f"{BASE}/Users/{boss}"}]


# --- queries ---


async def test_a_list_is_paged(send: AsgiClient) -> None:
    for number in range(5):
        await send("POST", "/Users", person(f"u{number}"))

    page = (await send("GET", "/Users?startIndex=4&count=3&sortBy=userName")).json

    assert page["schemas"] == [LIST_URN]
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (5, 4, 2)
    assert [each["userName"] for each in page["Resources"]] == ["u3", "u4"]
    assert page["Resources"][0]["meta"]["location"].startswith(f"{BASE}/Users/")


async def test_an_empty_list_is_an_answer_and_no_error(send: AsgiClient) -> None:
    reply = await send("GET", "/Users?filter=userName+eq+%22nobody%22")

    assert reply.status == 200
    assert (reply.json["totalResults"], reply.json["Resources"]) == (0, [])


async def test_pages_are_bounded_whatever_is_asked_for() -> None:
    send = AsgiClient(application(max_results=3, page_size=2))
    for number in range(5):
        await send("POST", "/Users", person(f"u{number}"))

    sizes = {
        query: len((await send("GET", f"/Users{query}")).json["Resources"])
        for query in ("", "?count=1000000", "?count=0", "?count=-7", "?startIndex=-3&count=1", "?startIndex=99")
    }

    assert sizes == {
        "": 2,
        "?count=1000000": 3,
        "?count=0": 0,
        "?count=-7": 0,
        "?startIndex=-3&count=1": 1,
        "?startIndex=99": 0,
    }


async def test_a_plus_sign_is_a_space_and_an_encoded_plus_is_a_plus(send: AsgiClient) -> None:
    await send("POST", "/Users", person("mira+home@x.example", displayName="Mira Lind"))

    plus = await send("GET", "/Users?filter=userName%20eq+%22mira%2Bhome%40x.example%22")
    space = await send("GET", "/Users?filter=displayName+eq+%22mira+lind%22")

    assert (plus.json["totalResults"], space.json["totalResults"]) == (1, 1)


@pytest.mark.parametrize(
    ("query", "scim_type"),
    [
        ("filter=userName+eq", "invalidFilter"),
        ("Filter=userName+pr&filter=title+pr", "invalidValue"),
        ("filter=userName+eq+%22a%22&filter=userName+eq+%22b%22", "invalidValue"),
        ("filter=userName+eq+%22%FF%22", "invalidSyntax"),
        ("count=many", "invalidValue"),
        ("startIndex=1.5", "invalidValue"),
        ("sortBy=userName&sortOrder=sideways", "invalidValue"),
        ("&".join(f"p{n}=1" for n in range(200)), "invalidValue"),
        (f"filter={'(' * 2000}", "invalidFilter"),
    ],
)
async def test_a_query_that_can_not_be_read_is_refused(send: AsgiClient, query: str, scim_type: str) -> None:
    assert_error(await send("GET", "/Users", query=query), 400, scim_type)


async def test_a_search_can_be_posted(send: AsgiClient) -> None:
    for name in ("anna", "mira"):
        await send("POST", "/Users", person(name, title="Lead"))
    body = {
        "schemas": [SEARCH_URN],
        "filter": 'userName sw "m"',
        "attributes": ["userName"],
        "startIndex": 1,
        "count": 5,
    }

    reply = await send("POST", "/Users/.search", body)

    assert reply.status == 200
    assert [each["userName"] for each in reply.json["Resources"]] == ["mira"]
    assert "title" not in reply.json["Resources"][0]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_all_resource_types_can_be_searched_at_once(send: AsgiClient, method: str) -> None:
    for name in ("anna", "mira", "zoe"):
        await send("POST", "/Users", person(name))
    for name in ("North", "Sales"):
        await send("POST", "/Groups", team(name))

    async def search(text: str, body: dict[str, Any]) -> Any:
        if method == "GET":
            return (await send("GET", f"/?{text}")).json
        return (await send("POST", "/.search", {"schemas": [SEARCH_URN], **body})).json

    everything = await search("", {})
    middle = await search("startIndex=3&count=2", {"startIndex": 3, "count": 2})
    last = await search("startIndex=5&count=9", {"startIndex": 5, "count": 9})
    none = await search("count=0", {"count": 0})
    groups = await search("filter=displayName+eq+%22sales%22", {"filter": 'displayName eq "sales"'})

    assert everything["totalResults"] == 5
    assert [each["meta"]["resourceType"] for each in everything["Resources"]] == ["User"] * 3 + ["Group"] * 2
    assert [each["id"] for each in middle["Resources"]] == [each["id"] for each in everything["Resources"][2:4]]
    assert [each["id"] for each in last["Resources"]] == [each["id"] for each in everything["Resources"][4:]]
    assert (none["totalResults"], none["Resources"]) == (5, [])
    assert [each["displayName"] for each in groups["Resources"]] == ["Sales"]


async def test_sorting_across_resource_types_is_honestly_not_there(send: AsgiClient) -> None:
    assert_error(await send("POST", "/.search", {"schemas": [SEARCH_URN], "sortBy": "id"}), 501)


# --- routes ---


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/Users", "GET, HEAD, POST"),
        ("PUT", "/Users", "GET, HEAD, POST"),
        ("POST", "/Users/x", "GET, HEAD, PATCH, PUT, DELETE"),
        ("OPTIONS", "/Users/x", "GET, HEAD, PATCH, PUT, DELETE"),
        ("GET", "/Users/.search", "POST"),
        ("GET", "/.search", "POST"),
        ("GET", "/Bulk", "POST"),
        ("POST", "/", "GET, HEAD"),
        ("POST", "/ServiceProviderConfig", "GET, HEAD"),
        ("DELETE", "/Schemas", "GET, HEAD"),
        ("PATCH", "/ResourceTypes/User", "GET, HEAD"),
    ],
)
async def test_a_method_that_an_endpoint_does_not_know_is_refused(
    send: AsgiClient, method: str, path: str, allow: str
) -> None:
    reply = await send(method, path)

    assert_error(reply, 405)
    assert reply.headers["allow"] == allow


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/users", "/Users/x/y", "/Users/x/y/z", "/Schemas/x", "/Schemas/a/b", "/ResourceTypes/x",
     "/ServiceProviderConfig/x", "/Users//x", "/%2e", "/.search/x", "/Groups/%2FUsers"],
)  # fmt: skip
async def test_what_is_not_there_is_not_found(send: AsgiClient, path: str) -> None:
    assert_error(await send("GET", path), 404)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_me_and_bulk_are_honestly_not_there(send: AsgiClient, method: str) -> None:
    assert_error(await send(method, "/Me"), 501)
    assert_error(await send("POST", "/Bulk", {}), 501)


async def test_a_slash_at_the_end_does_no_harm(send: AsgiClient) -> None:
    created = await send("POST", "/Users/", person("mira"))

    assert created.status == 201
    assert (await send("GET", f"/Users/{created.json['id']}/")).status == 200
    assert (await send("GET", "/Users/")).json["totalResults"] == 1


async def test_a_path_that_is_not_utf_8_is_refused(send: AsgiClient) -> None:
    assert_error(await send("GET", "/Users/%FF%FE"), 400, "invalidSyntax")


# --- bodies ---


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"null", b'{"userName":"\xff"}', b'{"a":NaN}', b"[" * 5000, b"{}\x00"]
)
async def test_a_body_that_is_no_json_object_is_refused(send: AsgiClient, body: bytes) -> None:
    for method, path in (("POST", "/Users"), ("PUT", "/Users/x"), ("PATCH", "/Users/x"), ("POST", "/.search")):
        assert_error(await send(method, path, body), 400, "invalidSyntax")


@pytest.mark.parametrize("length", ["9" * 5000, "1" + "0" * 5000, "9" * 20])
async def test_a_length_that_is_no_number_of_this_world_is_too_large(send: AsgiClient, length: str) -> None:
    assert_error(await send("POST", "/Users", {"userName": "u"}, {"content-length": length}), 413)


@pytest.mark.parametrize("length", ["0" * 5000 + "5", "²", "٣", "-1", "x"])
async def test_other_lengths_are_left_to_what_comes(send: AsgiClient, length: str) -> None:
    body = {"schemas": [USER_URN], "userName": "u"}

    assert (await send("POST", "/Users", body, {"content-length": length.encode().decode("latin-1")})).status == 201


async def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    send = AsgiClient(application(max_body_bytes=1000), chunk_bytes=100)
    large = person("mira", title="x" * 2000)

    told = await send("POST", "/Users", large)
    untold = await send("POST", "/Users", large, {"content-length": ""})
    lied = await send("POST", "/Users", large, {"content-length": "10"})
    just = await send("POST", "/Users", person("mira"))

    for reply in (told, untold, lied):
        assert_error(reply, 413)
    assert just.status == 201


async def test_a_body_that_says_it_is_too_large_is_not_read_at_all() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError("nothing of the body is asked for")

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", b"Bearer a-secret-token"), (b"content-length", b"2000000")]
    scope = {"type": "http", "method": "POST", "path": "/Users", "query_string": b"", "headers": headers}
    await application()(scope, receive, send)

    assert sent[0]["status"] == 413


@pytest.mark.parametrize(
    "media_type", ["application/scim+json", "application/json; charset=utf-8", "APPLICATION/SCIM+JSON", "text/json", ""]
)
async def test_json_is_accepted_under_any_of_its_names(send: AsgiClient, media_type: str) -> None:
    assert (await send("POST", "/Users", person("mira"), {"Content-Type": media_type})).status == 201


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "text/xml", "multipart/form-data"])
async def test_other_media_types_are_refused(send: AsgiClient, media_type: str) -> None:
    assert_error(await send("POST", "/Users", person("mira"), {"Content-Type": media_type}), 415)


async def test_who_asks_for_plain_json_gets_it(send: AsgiClient) -> None:
    plain = await send("GET", "/Users", headers={"Accept": "application/json"})
    either = await send("GET", "/Users", headers={"Accept": "application/json, application/scim+json"})
    any_type = await send("GET", "/Users", headers={"Accept": "*/*"})

    assert plain.headers["content-type"] == "application/json"
    assert either.headers["content-type"] == any_type.headers["content-type"] == "application/scim+json"


async def test_a_caller_who_leaves_in_mid_body_is_let_go() -> None:
    app = application()
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", b"Bearer a-secret-token"), (b"host", b"scim.example")]
    scope = {"type": "http", "method": "POST", "path": "/Users", "query_string": b"", "headers": headers}
    await app(scope, receive, send)

    assert sent == []


# --- who may ask ---


@pytest.mark.parametrize("token", [None, "wrong", ""])
@pytest.mark.parametrize("path", ["/Users", "/Users/x", "/Schemas", "/ResourceTypes", "/Me", "/", "/nowhere"])
async def test_without_the_token_nothing_is_told(token: str | None, path: str) -> None:
    reply = await AsgiClient(application(), token)("GET", path)

    assert_error(reply, 401)
    assert reply.headers["www-authenticate"] == "Bearer"


async def test_what_the_server_can_do_is_public() -> None:
    # RFC 7643 §5: authenticationSchemes should be accessible without prior authentication.
    assert (await AsgiClient(application(), None)("GET", "/ServiceProviderConfig")).status == 200


async def test_a_scheme_is_compared_without_case(send: AsgiClient) -> None:
    assert (await send("GET", "/Users", headers={"Authorization": "bearer  a-secret-token "})).status == 200
    assert_error(await send("GET", "/Users", headers={"Authorization": "Basic a-secret-token"}), 401)


# --- errors of the application behind ---


@pytest.mark.parametrize(
    ("refusal", "status", "scim_type", "header"),
    [
        (Invalid("No."), 400, "invalidValue", None),
        (Unauthenticated("No."), 401, None, ("www-authenticate", "Bearer")),
        (Denied("No."), 403, None, None),
        (NotFound("No."), 404, None, None),
        (Conflict("No."), 409, "uniqueness", None),
        (TooLarge("No."), 413, None, None),
        (Throttled("No.", retry_after_seconds=7), 429, None, ("retry-after", "7")),
        (Unavailable("No."), 503, None, ("retry-after", "5")),
        (Unavailable("No.", retry_after_seconds=0.2), 503, None, ("retry-after", "1")),
    ],
)
async def test_each_refusal_has_its_status(
    refusal: Refusal, status: int, scim_type: str | None, header: tuple[str, str] | None
) -> None:
    async def store_for(_request: Request) -> ResourceStore:
        raise refusal

    reply = await AsgiClient(scim_app(store_for))("GET", "/Users")

    assert_error(reply, status, scim_type)
    assert reply.json["detail"] == "No."
    if header is not None:
        assert reply.headers[header[0]] == header[1]


class BrokenStore(MemoryStore):
    async def read(self, resource_type: ResourceType, resource_id: str, projection: Projection) -> Resource:
        raise RuntimeError("the password of the database is hunter2")


async def test_our_own_mistakes_are_told_by_an_id_and_nothing_else() -> None:
    with capture_logs() as logs:
        reply = await AsgiClient(application(BrokenStore()))("GET", "/Users/mira")

    assert_error(reply, 500)
    assert b"hunter2" not in reply.content
    failed = next(each for each in logs if each["event"] == "scim_request_failed")
    assert failed["error_id"] in reply.json["detail"]


@pytest.mark.parametrize(
    "processors",
    [
        [ConsoleRenderer(exception_formatter=RichTracebackFormatter(show_locals=True))],
        [dict_tracebacks, JSONRenderer(default=repr)],
    ],
)
async def test_no_way_of_writing_the_log_tells_a_token(processors: list[Any]) -> None:
    written = io.StringIO()
    before = structlog.get_config()
    structlog.configure(processors=processors, logger_factory=structlog.PrintLoggerFactory(written))
    try:
        await AsgiClient(application(BrokenStore()), token=TOKEN)("GET", "/Users/mira")
    finally:
        structlog.configure(**before)

    assert "RuntimeError" in written.getvalue()
    assert "in read" in written.getvalue(), "where it happened is told"
    assert TOKEN not in written.getvalue()


async def test_each_request_is_one_line_in_the_log_without_names_of_people(send: AsgiClient) -> None:
    with capture_logs() as logs:
        await send("GET", "/Users?filter=userName+eq+%22mira%22")
        await send("GET", "/mira-was-here")

    found, lost = logs
    assert (found["event"], found["method"], found["resource_type"], found["status"]) == (
        "scim_request",
        "GET",
        "User",
        200,
    )
    assert found["duration_ms"] >= 0
    assert (lost["resource_type"], lost["status"]) == (None, 404)
    assert "mira" not in str(logs)


# --- where the server is ---


async def test_a_mounted_server_knows_its_path_and_its_parameters() -> None:
    stores: dict[str, MemoryStore] = {}

    async def store_for(request: Request) -> ResourceStore:
        return stores.setdefault(request.path_params["organisation"], MemoryStore())

    send = AsgiClient(scim_app(store_for, mount="/scim/v2/{organisation}"))
    created = await send("POST", "/scim/v2/acme%20inc/Users", person("mira"))

    assert created.headers["location"] == f"{BASE}/scim/v2/acme%20inc/Users/{created.json['id']}"
    assert list(stores) == ["acme inc"]
    assert (await send("GET", "/scim/v2/other/Users")).json["totalResults"] == 0
    config = await send("GET", "/scim/v2/acme/ServiceProviderConfig")
    assert config.json["meta"]["location"] == f"{BASE}/scim/v2/acme/ServiceProviderConfig"
    for path in ("/scim/v1/acme/Users", "/Users", "/scim", "/"):
        assert_error(await send("GET", path), 404)


async def test_locations_begin_with_the_configured_base_and_the_root_path() -> None:
    configured = AsgiClient(application(base_url="https://app.example.com/"))
    behind = AsgiClient(application(), root_path="/proxy")

    one = await configured("POST", "/Users", person("mira"))
    two = await behind("POST", "/proxy/Users", person("mira"))

    assert one.headers["location"] == f"https://app.example.com/Users/{one.json['id']}"
    assert two.headers["location"] == f"{BASE}/proxy/Users/{two.json['id']}"


# --- discovery ---


async def test_the_server_says_what_it_can_do(send: AsgiClient) -> None:
    config = (await send("GET", "/ServiceProviderConfig")).json

    assert config["patch"] == config["sort"] == config["etag"] == {"supported": True}
    assert config["bulk"] == {"supported": False, "maxOperations": 0, "maxPayloadSize": 0}
    assert config["filter"] == {"supported": True, "maxResults": 200}
    assert config["authenticationSchemes"][0]["type"] == "oauthbearertoken"


async def test_resource_types_and_schemas_are_listed_and_read_one_by_one(send: AsgiClient) -> None:
    for endpoint, expected in (("ResourceTypes", {"User", "Group"}), ("Schemas", {USER_URN, GROUP_URN})):
        listed = (await send("GET", f"/{endpoint}")).json
        assert listed["schemas"] == [LIST_URN]
        assert listed["totalResults"] == len(listed["Resources"])
        assert expected <= {each["id"] for each in listed["Resources"]}
        for each in listed["Resources"]:
            one = await send("GET", f"/{endpoint}/{each['id']}")
            assert one.json == each
            assert each["meta"]["location"] == one.headers["location"] == f"{BASE}/{endpoint}/{each['id']}"


async def test_discovery_can_not_be_filtered(send: AsgiClient) -> None:
    for endpoint in ("ServiceProviderConfig", "ResourceTypes", "Schemas"):
        assert_error(await send("GET", f"/{endpoint}?filter=id+pr"), 403)
