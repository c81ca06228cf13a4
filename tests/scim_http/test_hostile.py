"""Whatever comes in, the answer is SCIM: never our own mistake, never silence."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scim_http.asgi import AsgiClient, Reply, application

_SETTINGS = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

_names = st.sampled_from(
    ["userName", "name", "name.familyName", "emails", 'emails[type eq "work"]', 'emails[type eq "work"].value', "members",
     "meta", "id", "schemas", "active", "groups", "manager", "$ref", "value", "a:b", f"{_USER}:userName", _USER, "", " ",
     "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "x509Certificates", "password", "[", "a[b", "\x00"]
)  # fmt: skip
_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | _names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names | st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_operation = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Replace", "remove", "move", 1])},
    optional={"path": _names | st.text(max_size=10), "value": _json},
)
_targets = st.sampled_from(
    ["/Users", "/Groups", "/Users/x", "/.search", "/Users/.search", "/", "/Bulk", "/Me", "/Schemas/x"]
)
_methods = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"])


def _assert_scim(reply: Reply, method: str) -> None:
    assert reply.status < 500 or reply.status == 501
    if reply.status >= 400 and method != "HEAD":
        assert json.loads(reply.content)["status"] == str(reply.status)


@_SETTINGS
@given(method=_methods, path=st.binary(max_size=30), query=st.binary(max_size=60), body=st.binary(max_size=60))
async def test_any_bytes_get_a_scim_answer(method: str, path: bytes, query: bytes, body: bytes) -> None:
    target = "/" + path.decode("latin-1").replace("?", "%3F")
    reply = await AsgiClient(application())(method, target, body, query=query.decode("latin-1"))

    _assert_scim(reply, method)


@_SETTINGS
@given(method=_methods, target=_targets, body=st.dictionaries(_names, _json, max_size=5) | _json)
async def test_any_json_gets_a_scim_answer(method: str, target: str, body: Any) -> None:
    content = json.dumps(body | {"schemas": [_USER], "userName": "u"} if isinstance(body, dict) else body).encode()

    _assert_scim(await AsgiClient(application())(method, target, content), method)


@_SETTINGS
@given(operations=st.lists(_operation, min_size=1, max_size=3))
async def test_any_operations_get_a_scim_answer_and_leave_a_readable_resource(operations: list[dict[str, Any]]) -> None:
    send = AsgiClient(application())
    for endpoint, body in (
        ("Users", {"schemas": [_USER], "userName": "u", "emails": [{"value": "a@x.example", "type": "work"}]}),
        ("Groups", {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "g"}),
    ):
        path = f"/{endpoint}/{(await send('POST', f'/{endpoint}', body)).json['id']}"

        _assert_scim(await send("PATCH", path, {"schemas": [_PATCH], "Operations": operations}), "PATCH")
        assert (await send("GET", path)).status == 200


@_SETTINGS
@given(
    text=st.lists(
        st.sampled_from(
            ["userName", "eq", "pr", "and", "or", "not", "(", ")", "[", "]", '"a"', "true", "null", "1", "emails", ".value",
             "active", "co", "gt", "meta.created", '"2020-01-01T00:00:00Z"', "members", "groups.display", "x", '"']
        ),
        max_size=10,
    ),
    sort_by=_names,
    count=st.text(max_size=4) | st.integers().map(str),
)  # fmt: skip
async def test_any_query_gets_a_scim_answer(text: list[str], sort_by: str, count: str) -> None:
    send = AsgiClient(application())
    await send("POST", "/Users", {"schemas": [_USER], "userName": "u", "active": True})
    body = {"filter": " ".join(text), "sortBy": sort_by, "count": count, "attributes": [sort_by]}

    _assert_scim(await send("POST", "/Users/.search", body), "POST")
