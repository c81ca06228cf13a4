"""A plan as one page of HTML that needs nothing else: escaped, readable without scripts, in light and dark, wide and narrow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from typing import Any

from rollcall.provisioning.model import Json

_TITLES = {
    "delete": "To delete",
    "disable": "To disable",
    "update": "To update",
    "create": "To create",
}
_ORDER = tuple(_TITLES)
_STYLE = """
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5b6675;--line:#dfe3e9;--accent:#3949ab;
--create:#1b7a43;--update:#1f66b0;--disable:#9a5b00;--delete:#b3261e;--warn:#fff4e0;--warn-line:#e0a23c}
@media(prefers-color-scheme:dark){:root{--ground:#12161d;--card:#1a202a;--ink:#e6eaf0;--soft:#9aa6b5;--line:#2c3542;
--accent:#9fa8ff;--create:#6fd39a;--update:#7fb8f5;--disable:#f0b45c;--delete:#ff8f86;--warn:#2e2412;--warn-line:#8a6420}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:32px 0 12px}h3{font-size:1rem;margin:20px 0 8px}
p{margin:0}.soft{color:var(--soft)}.small{font-size:.875rem}
.warnings{margin:24px 0 0;padding:12px 16px 12px 36px;background:var(--warn);border:1px solid var(--warn-line);border-radius:10px}
.warnings li+li{margin-top:4px}
.totals{display:grid;grid-template-columns:repeat(auto-fill,minmax(132px,1fr));gap:12px;margin:24px 0 0;padding:0;list-style:none}
.totals li{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.totals b{display:block;font-size:1.5rem;line-height:1.2;font-variant-numeric:tabular-nums}
.totals .zero{opacity:.55}
nav{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;margin:24px 0 0}
nav a{color:var(--accent)}
input[type=search]{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:8px;
padding:8px 12px;flex:1 1 240px;min-width:0}
input[type=search]:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
details{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:0 0 8px}
summary{cursor:pointer;padding:10px 14px;display:flex;gap:4px 10px;flex-wrap:wrap;align-items:baseline}
summary b{overflow-wrap:anywhere}
.tag{font-size:.8125rem;font-weight:600}
.create{color:var(--create)}.update{color:var(--update)}.disable{color:var(--disable)}.delete{color:var(--delete)}
.body{padding:0 14px 12px}
table{width:100%;border-collapse:collapse;table-layout:fixed}
th,td{text-align:left;vertical-align:top;padding:6px 8px 6px 0;border-top:1px solid var(--line);overflow-wrap:anywhere;font-size:.875rem}
th{font-weight:600;width:34%}
td:before{content:attr(data-is);display:none;color:var(--soft)}
del{color:var(--soft)}ins{text-decoration:none}
.list{margin:0;padding-left:20px;font-size:.875rem;overflow-wrap:anywhere;columns:2 280px}
.row{padding:8px 14px;border:1px solid var(--line);background:var(--card);border-radius:10px;margin:0 0 8px;overflow-wrap:anywhere}
footer{margin-top:40px;border-top:1px solid var(--line);padding-top:12px;overflow-wrap:anywhere}
@media(max-width:600px){main{padding:20px 14px 48px}h1{font-size:1.3rem}
tr{display:block;border-top:1px solid var(--line);padding:6px 0}th,td{display:block;border:0;width:auto;padding:0}thead{display:none}
td:before{display:inline}.totals{grid-template-columns:repeat(2,1fr)}}
@media print{details{break-inside:avoid}nav{display:none}}
"""
_SCRIPT = """
var box=document.getElementById('search');box.hidden=false;var none=document.getElementById('none');
box.addEventListener('input',function(){var wanted=box.value.toLowerCase(),shown=0;
document.querySelectorAll('[data-text]').forEach(function(each){
var hit=each.textContent.toLowerCase().indexOf(wanted)>=0;each.hidden=!hit;if(hit)shown++});none.hidden=shown>0});
"""


def page(parts: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """The page in pieces, from the parts of a plan document."""
    head: dict[str, Any] = {}
    told = False
    for name, value in parts:
        if name == "objects" and not told:
            told = True
            yield from _top(head)
        if name == "objects":
            yield from _objects(value)
        elif name in _LISTS:
            yield from _LISTS[name](value)
        else:
            head[name] = value
    yield f'<footer class="small soft"><p>Plan {_text(head["digest"])} of job {_text(head["job_id"])}, tenant '
    yield f"{_text(head['tenant_id'])}. Nothing in it has been carried out by being written here.</p></footer>"
    yield f"</main><script>{_SCRIPT}</script></body></html>\n"


def _top(head: dict[str, Any]) -> Iterator[str]:
    title = f"Plan for {head['job_name']}"
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline';"
    yield "script-src 'unsafe-inline'\">"
    yield f"<style>{_STYLE}</style></head><body><main><h1>{_text(title)}</h1>"
    yield f'<p class="soft">What the next cycle, an {_text(head["kind"])} one, would do. Made {_text(_moment(head["made_at"]))}.</p>'
    yield f'<p class="soft">{_text(_expectation(head["expected"]))}</p>'
    if head["warnings"]:
        items = "".join(f"<li>{_text(each)}</li>" for each in head["warnings"])
        yield f'<ul class="warnings" aria-label="Warnings">{items}</ul>'
    yield '<ul class="totals" aria-label="Totals">'
    for name, number in head["totals"].items():
        zero = "" if number else ' class="zero"'
        yield f"<li{zero}><b>{number:,}</b>{_text(_WORDS.get(name, name))}</li>"
    yield "</ul>"
    yield '<nav aria-label="Parts of the plan"><input type="search" id="search" hidden aria-label="Search the plan" '
    yield 'placeholder="Search names, attributes, values">'
    for name, word in _PLACES.items():
        yield f'<a href="#{name}">{word}</a>'
    yield '</nav><p id="none" class="row" hidden>Nothing in the plan has that text.</p>'


_WORDS = {
    "create": "to create",
    "update": "to update",
    "disable": "to disable",
    "delete": "to delete",
    "references_added": "references to add",
    "references_removed": "references to remove",
    "withheld": "withheld",
    "held": "held earlier",
    "skipped": "skipped",
    "failed": "would fail",
    "in_step": "in step",
}
_PLACES = {"objects": "Objects", "references": "References", "skips": "Skips"}


def _objects(objects: Iterable[Json]) -> Iterator[str]:
    """The objects, most dangerous first; those of one action and kind together."""
    yield '<h2 id="objects">Objects</h2>'
    rows = sorted(objects, key=lambda each: (_ORDER.index(each["action"]), each["kind"]))
    if not rows:
        yield '<p class="row soft">No object would be written.</p>'
    for (action, kind), group in groupby(rows, key=lambda each: (each["action"], each["kind"])):
        listed = list(group)
        yield f'<h3 class="{action}">{_TITLES[action]}: {_text(kind)} ({len(listed):,})</h3>'
        for each in listed:
            yield from _object(each)


def _object(each: Json) -> Iterator[str]:
    action = each["action"]
    yield f"<details data-text{' open' if len(each['changes']) <= 4 and action != 'delete' else ''}><summary>"
    yield f'<span class="tag {action}">{action}</span> <b>{_text(each["name"])}</b> <span class="soft small">'
    yield f'{_text(each["kind"])} {_text(each["id"])}</span></summary><div class="body">'
    if each["reason"]:
        yield f'<p class="small soft">{_text(each["reason"])}</p>'
    if each["changes"]:
        yield '<table><thead><tr><th scope="col">Attribute</th><th scope="col">Old</th><th scope="col">New</th></tr></thead><tbody>'
        for change in each["changes"]:
            yield f'<tr><th scope="row">{_text(change["attribute"])}</th><td data-is="Old: "><del>{_value(change["old"])}</del></td>'
            yield f'<td data-is="New: "><ins>{_value(change["new"])}</ins></td></tr>'
        yield "</tbody></table>"
    yield "</div></details>"


def _references(references: Iterable[Json]) -> Iterator[str]:
    yield '<h2 id="references">References</h2>'
    empty = True
    for each in references:
        empty = False
        yield f'<details data-text><summary><b>{_text(each["name"])}</b> <span class="small soft">{_text(each["attribute"])}'
        yield f'</span> <span class="tag create">+{len(each["added"]):,}</span> '
        yield f'<span class="tag delete">−{len(each["removed"]):,}</span></summary><div class="body">'
        for word, others in (("Removed", each["removed"]), ("Added", each["added"])):
            if others:
                items = "".join(f"<li>{_text(other['name'])}</li>" for other in others)
                yield f'<p class="small soft">{word}</p><ul class="list">{items}</ul>'
        yield "</div></details>"
    if empty:
        yield '<p class="row soft">No membership and no manager would change.</p>'


def _withheld(title: str, said: str) -> Any:
    def part(objects: Iterable[Json]) -> Iterator[str]:
        first = True
        for each in objects:
            if first:
                yield f'<h2>{title}</h2><p class="small soft">{said}</p>'
                first = False
            yield from _object(each)

    return part


def _skips(skips: Iterable[Json]) -> Iterator[str]:
    yield '<h2 id="skips">Skips</h2>'
    empty = True
    for each in skips:
        empty = False
        word = '<span class="tag delete">fails</span>' if each["failed"] else '<span class="tag soft">skip</span>'
        yield f'<p class="row" data-text>{word} <b>{_text(each["name"])}</b> {_text(each["reason"])} '
        yield f'<span class="small soft">({_text(each["code"])})</span></p>'
    if empty:
        yield '<p class="row soft">Nobody is skipped for a reason worth telling.</p>'


def _left_out(groups: Iterable[Json]) -> Iterator[str]:
    first = True
    for each in groups:
        if first:
            yield '<h2>Groups left out</h2><p class="small soft">They are inside assigned groups; the job takes direct members only.</p>'
            first = False
        people = f"{each['people']:,}{' or more' if each['or_more'] else ''}"
        yield f'<p class="row" data-text><b>{_text(each["name"])}</b> in {_text(each["inside"])}: {people} people</p>'


_LISTS: dict[str, Any] = {
    "references": _references,
    "withheld": _withheld("Withheld", "The job's guards would hold these removals back."),
    "held": _withheld("Held back since an earlier cycle", "No cycle sends these until somebody decides about them."),
    "skips": _skips,
    "left_out": _left_out,
}


def _moment(text: str) -> str:
    return f"{text[:19].replace('T', ' ')} UTC"


def _expectation(expected: dict[str, Any]) -> str:
    requests = f"{expected['requests']:,} requests expected"
    if expected["seconds"] is None:
        return f"{requests}; how long they take is known after the first cycle."
    return f"{requests}, about {expected['seconds']:,.0f} s at {expected['requests_per_second']:g} requests a second, as past cycles did."


def _value(value: Json) -> str:
    if value is None:
        return '<span class="soft">–</span>'
    return _text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _text(value: object) -> str:
    """Escaped, with marks in the place of characters that turn the direction of what surrounds them."""
    shown = "".join(each if each.isprintable() else "�" for each in str(value))
    return escape(shown, quote=True)
