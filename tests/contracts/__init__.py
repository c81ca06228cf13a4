"""Suites that know only a contract; each implementation's own test is a few lines that hand itself over."""

import pytest

pytest.register_assert_rewrite("tests.contracts.ledger", "tests.contracts.resource_store")
