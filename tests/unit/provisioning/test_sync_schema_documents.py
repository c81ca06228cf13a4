"""Documents go in and come out: the published example, ours in Graph's full form, what a client leaves out, and junk."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.errors import Invalid
from rollcall.provisioning.defaults import TEMPLATES, schema_of
from rollcall.provisioning.expression import ExpressionError
from rollcall.provisioning.expression_graph import attribute_mapping_source
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.sync_schema import check_schema, examine_schema, with_what_was_left_out

EXAMPLE = orjson.loads((Path(__file__).parent / "data" / "synchronization-schema-example.json").read_bytes())


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value of a document, itself not."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inside:
        yield (*path, step)
        yield from places(each, (*path, step))


def members(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    """The member names of every object, by the names on the way to it."""
    if isinstance(value, dict):
        yield path, frozenset(value)
        for name, each in value.items():
            yield from members(each, (*path, name))
    if isinstance(value, list):
        for each in value:
            yield from members(each, path)


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of the document with another value in one place."""
    changed = copy.deepcopy(document)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return changed


METADATA = ("attributes", "metadata")  # only what a customer defined has any
PLACES = list(places(EXAMPLE))
TEXTS = st.sampled_from(
    (
        *("", " ", "id", "[mail]", "Join(", "members", "manager", "User", "Group", "None", "Always", "Function", "1"),
        *('emails[type eq "work"].value', "urn:x:y", "Switch([a], , )", "IgnoreAttributeFlow", "a.b.c", "[", "\x00"),
        "extension_a_b",
    )
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | TEXTS, inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JUNK), min_size=1, max_size=3))
def test_junk_in_any_place_is_refused_or_works_and_is_never_our_fault(
    changes: list[tuple[tuple[Any, ...], Any]],
) -> None:
    document = EXAMPLE
    for path, junk in changes:
        try:
            document = put(document, path, junk)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    found = examine_schema(with_what_was_left_out(document, EXAMPLE), "all")
    if found.faults:
        with pytest.raises(Invalid, match="nothing was saved"):
            check_schema(with_what_was_left_out(document, EXAMPLE), "all")
        return
    for mapping in found.mappings.values():
        compile_mapping(mapping)


@pytest.mark.parametrize("path", PLACES[:: max(1, len(PLACES) // 150)])
@pytest.mark.parametrize("junk", [None, 7, [], {}, "junk"])
def test_every_place_may_hold_anything(path: tuple[Any, ...], junk: Any) -> None:
    found = examine_schema(put(EXAMPLE, path, junk))

    assert all(finding.path and finding.message for finding in (*found.faults, *found.warnings))


@given(JUNK)
@settings(max_examples=100, derandomize=True, deadline=None)
def test_a_document_of_junk_is_refused(junk: Any) -> None:
    with pytest.raises(Invalid):
        check_schema(junk)


def test_the_published_example_is_right_without_a_warning_and_stays_as_it_is() -> None:
    before = copy.deepcopy(EXAMPLE)

    assert (examine_schema(EXAMPLE).faults, examine_schema(EXAMPLE).warnings) == ((), ())
    assert with_what_was_left_out(EXAMPLE, TEMPLATES["scim"]) == before


@pytest.mark.parametrize("template", TEMPLATES)
def test_our_documents_have_every_member_that_graph_writes_and_no_warning(template: str) -> None:
    document = schema_of(template, "scim.x.y")
    graphs = dict(members(EXAMPLE))
    ours = list(members(document))

    assert check_schema(document).warnings == ()
    assert ours[0][1] == graphs[()]
    for path, names in ours:
        assert names == graphs.get(path, names), path
    assert {path for path, _ in ours} >= {path for path in graphs if "scope" not in path and path[-2:] != METADATA}


def test_every_mapped_attribute_of_our_documents_is_defined_in_their_directories() -> None:
    for template in TEMPLATES:
        document = schema_of(template, "scim.x.y")
        source, target = document["directories"]
        for mapping in document["synchronizationRules"][0]["objectMappings"]:
            sources = next(each for each in source["objects"] if each["name"] == mapping["sourceObjectName"])
            targets = next(each for each in target["objects"] if each["name"] == mapping["targetObjectName"])
            known = {each["name"] for each in sources["attributes"]}
            paths = {each["name"] for each in targets["attributes"]}
            for each in mapping["attributeMappings"]:
                assert each["targetAttributeName"] in paths
                assert each["source"]["type"] != "Attribute" or each["source"]["name"] in known


def test_a_jobs_document_is_its_own() -> None:
    one, other = schema_of("scim", "a"), schema_of("scim", "b")
    one["synchronizationRules"].clear()

    assert (one["id"], other["id"]) == ("a", "b")
    assert other["synchronizationRules"]
    assert TEMPLATES["scim"]["synchronizationRules"]


def test_flow_types_that_a_client_leaves_out_stay_as_they_are() -> None:
    """A13: Graph's SDK reads flowTypes and discoverabilities and does not write them back."""
    saved = put(EXAMPLE, ("synchronizationRules", 0, "objectMappings", 0, "flowTypes"), "Add, Update")
    saved = put(saved, ("synchronizationRules", 0, "objectMappings", 1, "flowTypes"), "None")
    sent = copy.deepcopy(saved)
    users, groups = sent["synchronizationRules"][0]["objectMappings"]
    del users["flowTypes"], sent["directories"][0]["discoverabilities"]
    groups.update(flowTypes=None, name="renamed")

    complete = with_what_was_left_out(sent, saved)

    assert complete == put(saved, ("synchronizationRules", 0, "objectMappings", 1, "name"), "renamed")
    assert "flowTypes" not in users, "the sent document is not touched"


def test_a_new_object_mapping_has_all_actions() -> None:
    """A13."""
    sent = copy.deepcopy(EXAMPLE)
    for mapping in sent["synchronizationRules"][0]["objectMappings"]:
        del mapping["flowTypes"]

    mappings = check_schema(with_what_was_left_out(sent, {})).mappings

    assert all((each.create, each.update, each.delete) == (True, True, True) for each in mappings.values())


def test_the_tree_of_the_examples_switch_is_graphs() -> None:
    attributes = EXAMPLE["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]

    for each in attributes:
        if each["source"] is not None:
            assert attribute_mapping_source(each["source"]["expression"]) == each["source"]


def test_arguments_that_are_not_given_do_not_appear_in_the_tree() -> None:
    tree = attribute_mapping_source('Replace([preferredLanguage], "-", , , "_", , )')

    assert (tree["name"], tree["type"]) == ("Replace", "Function")
    assert [parameter["key"] for parameter in tree["parameters"]] == ["source", "Find", "Replacement"]
    assert tree["parameters"][1]["value"] == {"expression": '"-"', "name": "-", "parameters": [], "type": "Constant"}


def test_a_tree_of_every_part_of_the_language() -> None:
    tree = attribute_mapping_source('IIF([a] >= 2, ToUpper("b" & [c]), IgnoreAttributeFlow)')

    condition, upper, ignored = (parameter["value"] for parameter in tree["parameters"])
    assert (condition["name"], [each["value"]["name"] for each in condition["parameters"]]) == (">=", ["a", "2"])
    assert upper["parameters"][0]["value"]["expression"] == '"b" & [c]'
    assert (ignored["type"], ignored["expression"]) == ("Constant", "IgnoreAttributeFlow")


@pytest.mark.parametrize("written", ["Join(", "Jion([a])", "Now(1)"])
def test_what_is_no_expression_has_no_tree(written: str) -> None:
    with pytest.raises(ExpressionError):
        attribute_mapping_source(written)
