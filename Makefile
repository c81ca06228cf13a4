# `make` alone lists what there is to make. A sentence after two hashes is a target's line in that list.
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-print-directory
export NO_MKDOCS_2_WARNING := 1
.PHONY: help demo up test check format-check lint types imports tests-of-style docs docs-strict \
        bench sim reference format lock clean run-packages dev-packages node-packages browser

python := .venv/bin/python
checked := src tests scripts benchmarks

help: ## Lists these targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: run-packages ## Provisions a seeded company, live, and prints where to look.
	@.venv/bin/rollcall demo $(ARGS)

up: run-packages ## Starts both halves and the worker, and serves until Ctrl-C.
	@.venv/bin/rollcall up $(ARGS)

test: dev-packages node-packages browser ## Runs every test; make test ARGS="-k filter" runs some.
	@$(python) -m pytest -q -n auto --dist loadfile $(ARGS)

check: format-check lint types imports docs-strict test ## Checks format, lint, types, imports, docs, and runs every test.

bench: dev-packages ## Measures what benchmarks/README.md reports.
	@$(python) -m benchmarks $(ARGS)

sim: dev-packages ## Runs the engine in a failing world: make sim SEED=7, or SEEDS=10000 for as many from SEED on.
	@$(python) -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS))

docs: dev-packages reference ## Writes the generated pages anew and builds the documentation into site/.
	@$(python) -m mkdocs --quiet build --strict
	@echo "The documentation is in site/index.html."

format: dev-packages ## Formats the code and repairs what the linter can.
	@$(python) -m ruff check --quiet --fix-only $(checked)
	@$(python) -m ruff format --quiet $(checked)

lock: dev-packages ## Writes the lock files anew from pyproject.toml; needs uv.
	@scripts/lock $(ARGS)

clean: ## Removes what was built or cached; .venv and the data in var/ stay.
	@rm -rf site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The steps of check, each on its own when one wants only that.

format-check: dev-packages
	@echo "format"
	@$(python) -m ruff format --quiet --check $(checked) || { echo "Run make format." >&2; exit 1; }

lint: dev-packages
	@echo "lint"
	@$(python) -m ruff check --quiet $(checked)

types: dev-packages
	@echo "types"
	@$(python) -m mypy --no-error-summary

imports: dev-packages
	@echo "imports"
	@said=$$(.venv/bin/lint-imports --no-logo) || { echo "$$said"; exit 1; }

docs-strict: dev-packages
	@echo "docs"
	@$(python) scripts/reference.py --check
	@$(python) -m mkdocs --quiet build --strict --site-dir .mypy_cache/site

reference: dev-packages
	@$(python) scripts/reference.py

run-packages:
	@scripts/setup run

dev-packages:
	@scripts/setup dev

node-packages:
	@scripts/node-packages

browser: dev-packages
	@scripts/browser
