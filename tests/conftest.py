"""Fixtures: a server a test, or one shared by a module's tests that do not disturb each other."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from kit.server import Server  # noqa: E402


@pytest.fixture
def server(tmp_path):
    """A fresh demo server for this test alone."""
    with Server(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """One demo server for all tests of a module."""
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def corpora() -> Path:
    return Path(os.environ["HELIOGRAPH_CORPORA"])
