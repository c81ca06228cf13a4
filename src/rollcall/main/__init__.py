"""The composition root: configuration to database to rooms to servers and worker; it knows everyone."""

from rollcall.main.demo import Demo, demo_of, found_demo
from rollcall.main.opening import Parts, open_parts
from rollcall.main.serving import free_port, serve_identity, serve_workspaces
from rollcall.main.supervising import Running, run_everything, stop_signals
from rollcall.main.working import work

__all__ = [
    "Demo",
    "Parts",
    "Running",
    "demo_of",
    "found_demo",
    "free_port",
    "open_parts",
    "run_everything",
    "serve_identity",
    "serve_workspaces",
    "stop_signals",
    "work",
]
