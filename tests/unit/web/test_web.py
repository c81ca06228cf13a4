"""What the pages of both halves share keeps what the security checklist asks."""

from __future__ import annotations

import gzip
import re

import pytest
from starlette.testclient import TestClient

from rollcall.web import safe_return_path
from tests.unit.web.site import SITE, Site

_TOKEN = re.compile(r"<p>([A-Za-z0-9_=-]{60,})</p>")


def token_in(browser: TestClient) -> str:
    found = _TOKEN.search(browser.get("/").text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", ["/", "/a/b?c=d#e", "/a%2f%2fb", "/a:b", "/a//b"])
def test_a_way_back_within_the_site_is_kept(path: str) -> None:
    """For safety (check C15)."""
    assert safe_return_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None, "", "//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "https://evil.example/",
        "javascript:alert(1)", "/\tevil", "/\n/evil.example", "///evil.example", "evil", " /a", "/é", "/" + "a" * 2000,
    ],
)  # fmt: skip
def test_a_way_back_that_may_leave_is_dropped(path: str | None) -> None:
    """For safety (check C15)."""
    assert safe_return_path(path) is None


def test_every_response_has_the_headers() -> None:
    """Pages, redirects, errors, files; nothing is kept but files (checks C17, C18, C19)."""
    site = Site()
    browser = site.browser()
    answers = [browser.get(path) for path in ("/", "/conflict", "/broken", "/nothing", site.static.url("rollcall.js"))]
    answers.append(browser.post("/name", data={"name": "x"}))

    assert [each.status_code for each in answers] == [200, 409, 500, 404, 200, 403]
    for each in answers:
        policy = each.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'nonce-")
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        assert each.headers["x-content-type-options"] == "nosniff"
        assert each.headers["referrer-policy"] == "no-referrer"
        assert each.headers["strict-transport-security"].startswith("max-age=31536000")
        assert each.headers["cross-origin-opener-policy"] == "same-origin"
        assert "charset=utf-8" in each.headers["content-type"]
        assert "access-control-allow-origin" not in each.headers
    assert [each.headers["cache-control"] == "no-store" for each in answers] == [True] * 4 + [False, True]


def test_the_nonce_is_another_one_each_time_and_stands_on_every_script() -> None:
    """For safety (check C17)."""
    browser = Site().browser()
    first, second = browser.get("/"), browser.get("/")
    nonces = [re.search(r"nonce-([^']+)'", each.headers["content-security-policy"]) for each in (first, second)]
    assert nonces[0] is not None
    assert nonces[1] is not None
    assert nonces[0][1] != nonces[1][1]
    scripts = re.findall(r"<script[^>]*>", first.text)
    assert scripts
    assert all(f'nonce="{nonces[0][1]}"' in each for each in scripts)
    assert "style=" not in first.text
    assert not re.search(r"\son\w+=", first.text)


def test_what_a_page_shows_is_escaped() -> None:
    """For safety (check C21)."""
    text = Site().browser().get("/").text
    assert "&lt;Front&gt;" in text
    assert "<Front>" not in text


def test_cookies_are_bound_to_the_host_and_out_of_reach() -> None:
    """For safety (check C1)."""
    secure = Site().browser().get("/").headers["set-cookie"]
    assert secure.startswith("__Host-rollcall-rooms-form=")
    for mark in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert mark in secure
    assert "Domain" not in secure
    plain = Site("http://127.0.0.1:8461").browser().get("/").headers["set-cookie"]
    assert plain.startswith("rollcall-rooms-form=")
    assert "Secure" not in plain
    assert "HttpOnly" in plain


def test_a_form_of_ours_is_taken() -> None:
    """With the token and from our own origin (check C11)."""
    site = Site()
    browser = site.browser()
    sent = {"name": "Ada", "anti_forgery": token_in(browser)}
    own = {"Origin": SITE, "Sec-Fetch-Site": "same-origin"}

    assert browser.post("/name", data=sent, headers=own, follow_redirects=False).status_code == 303
    assert browser.post("/name", data=sent, follow_redirects=False).status_code == 303
    without_referrer = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert browser.post("/name", data=sent, headers=without_referrer, follow_redirects=False).status_code == 303
    assert site.saved == ["Ada", "Ada", "Ada"]


def test_a_token_is_never_the_same_twice_and_the_earlier_one_stays_good() -> None:
    """For safety (check C11)."""
    site = Site()
    browser = site.browser()
    first, second = token_in(browser), token_in(browser)
    assert first != second
    assert browser.post("/name", data={"anti_forgery": first}, follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "none"},
        {"Origin": "http://rooms.example.com"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_elsewhere_is_refused_even_with_the_token(headers: dict[str, str]) -> None:
    """For safety (checks C11, C12)."""
    site = Site()
    browser = site.browser()
    answer = browser.post("/name", data={"name": "Ada", "anti_forgery": token_in(browser)}, headers=headers)
    assert answer.status_code == 403
    assert "forgery_check_failed" in answer.text
    assert site.saved == []


def test_without_the_token_or_with_somebody_elses_nothing_is_taken() -> None:
    """Bound to the browser before sign-in, and to the session after it (check C11)."""
    site = Site()
    mine, theirs = site.browser(), site.browser()
    stolen = token_in(theirs)
    token_in(mine)
    for token in ("", "x", stolen, stolen[:-8], "A" * 64):
        assert mine.post("/name", data={"name": "Eve", "anti_forgery": token}).status_code == 403

    before = token_in(mine)
    mine.post("/sign-in?handle=mine")
    assert mine.post("/name", data={"name": "Eve", "anti_forgery": before}).status_code == 403
    after = token_in(mine)
    theirs.post("/sign-in?handle=theirs")
    assert theirs.post("/name", data={"name": "Eve", "anti_forgery": after}).status_code == 403
    assert site.saved == []
    assert mine.post("/name", data={"name": "Ada", "anti_forgery": after}, follow_redirects=False).status_code == 303


def test_bodies_that_are_no_small_form_are_refused() -> None:
    """For safety (checks C11, C53)."""
    site = Site()
    browser = site.browser()
    token = token_in(browser)
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert browser.post("/name", content=b'{"name":"x"}', headers={"content-type": "text/plain"}).status_code == 415
    assert (
        browser.post("/name", content=b'{"name":"x"}', headers={"content-type": "application/json"}).status_code == 415
    )
    assert browser.post("/name", data={"name": "x" * 70_000, "anti_forgery": token}).status_code == 413
    many = {f"f{number}": "1" for number in range(201)}
    assert browser.post("/name", data={**many, "anti_forgery": token}).status_code == 422
    assert browser.post("/name", content=b"name=%ff", headers=form).status_code == 422
    assert browser.post("/name", content="name=é".encode(), headers=form).status_code == 422
    twice = f"name=a&name=b&anti_forgery={token}".encode()
    assert browser.post("/name", content=twice, headers=form).status_code == 422
    assert site.saved == []


def test_refusals_are_pages_and_under_the_api_json() -> None:
    site = Site()
    browser = site.browser()
    page = browser.get("/conflict")
    assert "Somebody saved &lt;this&gt; in between." in page.text
    assert "stale_settings" in page.text
    faulty = browser.get("/api/faulty")
    assert faulty.status_code == 422
    assert faulty.json()["error"]["code"] == "required"
    assert [each["field"] for each in faulty.json()["error"]["faults"]] == ["name", "size"]
    busy = browser.get("/busy")
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "7")
    assert browser.get("/api/nothing").json() == {
        "error": {"code": "not_found", "message": "There is no such page, or it is not for you."}
    }
    assert browser.get("/name").status_code == 405


def test_our_own_mistakes_tell_a_number_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """For safety (check C50)."""
    answer = Site().browser().get("/broken")
    assert answer.status_code == 500
    number = re.search(r"the number ([0-9a-f-]{36})", answer.text)
    assert number is not None
    assert "secret of the house" not in answer.text
    logged = capsys.readouterr()
    assert number[1] in logged.out + logged.err


def test_files_are_kept_for_ever_under_an_address_that_names_their_content() -> None:
    site = Site()
    browser = site.browser()
    url = site.static.url("tabler.min.css")
    packed = browser.get(url, headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
    plain = browser.get(url, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content
    assert len(gzip.compress(plain.content, 9)) < 90_000
    assert browser.get("/static/000000000000/tabler.min.css").status_code == 404
    assert browser.get("/static/x/..%2fpages.py").status_code == 404
    with pytest.raises(KeyError):
        site.static.url("README.md")


def test_the_colours_a_person_chose_are_kept() -> None:
    site = Site()
    browser = site.browser()
    assert "data-bs-theme" not in browser.get("/").text
    for theme, shown in (("dark", 'data-bs-theme="dark"'), ("light", 'data-bs-theme="light"')):
        sent = {"theme": theme, "return_to": "/?x=1", "anti_forgery": token_in(browser)}
        answer = browser.post("/theme", data=sent, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/?x=1")
        assert shown in browser.get("/").text
    odd = {"theme": "<b>", "return_to": "//evil.example", "anti_forgery": token_in(browser)}
    assert browser.post("/theme", data=odd, follow_redirects=False).headers["location"] == "/"
    assert "data-bs-theme" not in browser.get("/").text
