"""Runs the benchmarks named, or all: `python -m benchmarks [NAME …] [--full] [--json]`."""

from __future__ import annotations

import argparse
import json
import logging
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict

import structlog

from benchmarks import access, cycles, expressions, importing, large, leaver, plans, preview, scim
from benchmarks.figure import Figure

BENCHMARKS: dict[str, Callable[[bool], Iterable[Figure]]] = {
    "scim": lambda _full: scim.measure(),
    "expressions": lambda _full: expressions.measure(),
    "cycles": lambda _full: cycles.measure(),
    "import": importing.measure,
    "large": large.measure,
    "plans": plans.measure,
    "preview": preview.measure,
    "access": access.measure,
    "leaver": leaver.measure,
}


def main() -> None:
    """Prints each figure as soon as it is there: a line for people, or a JSON object a line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all when none is named")
    parser.add_argument("--full", action="store_true", help="100,000 people where it would be fewer; some minutes")
    parser.add_argument("--json", action="store_true", help="one JSON object a figure")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if not arguments.json:
        print(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}", file=sys.stderr)
    for name in arguments.names or BENCHMARKS:
        for figure in BENCHMARKS[name](arguments.full):
            if arguments.json:
                print(json.dumps({"benchmark": name, **asdict(figure)}, ensure_ascii=False), flush=True)
            else:
                aim = f"   (aim {figure.aim})" if figure.aim else ""
                print(f"{name:<12} {figure.name:<84} {_number(figure.value):>10} {figure.unit}{aim}", flush=True)


def _number(value: float) -> str:
    """The value with as many digits as are worth reading."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.2f}"


if __name__ == "__main__":
    main()
