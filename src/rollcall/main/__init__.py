"""The composition root: configuration to database to rooms to servers and worker; it knows everyone."""

from rollcall.main.demo import Arrival, Demo, demo_of, found_demo, free_demo_name, second_act, watch_first_cycle
from rollcall.main.opening import Parts, open_parts, set_up_log
from rollcall.main.serving import free_port, serve_identity, serve_workspaces
from rollcall.main.sign_in_links import (
    first_administrator_link,
    first_administrator_links,
    identity_address,
    link_for,
)
from rollcall.main.supervising import Running, run_everything, stop_signals
from rollcall.main.working import work

__all__ = [
    "Arrival",
    "Demo",
    "Parts",
    "Running",
    "demo_of",
    "first_administrator_link",
    "first_administrator_links",
    "found_demo",
    "free_demo_name",
    "free_port",
    "identity_address",
    "link_for",
    "open_parts",
    "run_everything",
    "second_act",
    "serve_identity",
    "serve_workspaces",
    "set_up_log",
    "stop_signals",
    "watch_first_cycle",
    "work",
]
