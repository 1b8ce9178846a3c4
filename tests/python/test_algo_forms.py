"""The committed forms of the shipped algorithms are what the front end makes of their files."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from algo_forms import forms

from tiderace import _algos

ROOT = Path(__file__).resolve().parents[2]
FORMS = ROOT / "crates" / "algo" / "forms"
WRITE = "TIDERACE_WRITE_FORMS"
COMMAND = f"{WRITE}=1 .venv/bin/python -m pytest tests/python/test_algo_forms.py"
PYENV = Path.home() / ".pyenv" / "versions"


def others() -> list[str]:
    """Return the CPythons 3.12 and later that are on this machine."""
    found = [shutil.which(f"python3.{minor}") for minor in (12, 13, 14)]
    pyenv = [str(path) for path in PYENV.glob("3.1[234].*/bin/python3")]
    named = [path for path in found if path and ".pyenv" not in path]
    return sorted({*named, *pyenv})


def test_the_committed_forms_are_those_of_the_files() -> None:
    made = forms()
    if os.environ.get(WRITE) == "1":
        FORMS.mkdir(exist_ok=True)
        for path in FORMS.glob("*.form"):
            path.unlink()
        for name, data in made.items():
            (FORMS / f"{name}.form").write_bytes(data)
    kept = {path.stem: path.read_bytes() for path in FORMS.glob("*.form")}
    changed = sorted(n for n in made.keys() | kept.keys() if made.get(n) != kept.get(n))
    assert not changed, f"{', '.join(changed)}: not as committed. Run: {COMMAND}"


def test_a_form_is_found_by_the_name_of_its_algorithm() -> None:
    assert _algos.names() == sorted(path.stem for path in FORMS.glob("*.form"))
    for name in _algos.names():
        found = _algos.find(name)
        assert found.name == name
        assert found.core_form == (FORMS / f"{name}.form").read_bytes()


@pytest.mark.parametrize("python", others() or [None])
def test_another_cpython_makes_the_same_forms(python: str | None, tmp_path: Path) -> None:
    if python is None:
        pytest.skip("SKIPPED: needs another CPython, 3.12 or later")
    script = Path(__file__).with_name("algo_forms.py")
    done = subprocess.run(
        [python, "-I", "-B", str(script), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    made = {path.stem: path.read_bytes() for path in tmp_path.glob("*.form")}
    assert made == {path.stem: path.read_bytes() for path in FORMS.glob("*.form")}
