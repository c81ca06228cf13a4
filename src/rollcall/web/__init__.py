"""What the pages of both halves share: templates, looks, forms, cookies, security headers, and how a refusal looks."""

from rollcall.errors import Fault, Faulty
from rollcall.web.addresses import is_secure, origin_of, safe_return_path
from rollcall.web.agents import browser_name
from rollcall.web.cookies import Cookies
from rollcall.web.forms import Form, Forms, read_form
from rollcall.web.half import half
from rollcall.web.networks import network_of
from rollcall.web.pages import Pages, see_other
from rollcall.web.problems import Problems, status_of
from rollcall.web.static import Static
from rollcall.web.theme import theme_route

__all__ = [
    "Cookies",
    "Fault",
    "Faulty",
    "Form",
    "Forms",
    "Pages",
    "Problems",
    "Static",
    "browser_name",
    "half",
    "is_secure",
    "network_of",
    "origin_of",
    "read_form",
    "safe_return_path",
    "see_other",
    "status_of",
    "theme_route",
]
