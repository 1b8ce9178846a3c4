"""The made-up run of `tests/python` is what a browser looks at where there is no engine."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, find

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    path = find()
    if path is None:
        if os.environ.get("TIDERACE_REQUIRE_ALL") == "1":
            pytest.fail("needs chromium, and TIDERACE_REQUIRE_ALL=1 allows no skip")
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print("SKIPPED: needs chromium")
        pytest.skip("needs chromium")
    with Browser(path) as running:
        yield running
