"""What the documents say is run: every Python snippet, every command named."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tiderace.cli import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SNIPPETS = [
    pytest.param(code, id=f"{document.name}-{row}")
    for document in DOCUMENTS
    for row, code in enumerate(re.findall(r"```python\n(.*?)```", document.read_text(), re.S))
]


@pytest.mark.parametrize("code", SNIPPETS)
def test_a_snippet_runs_as_it_stands(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIDERACE_DATA", raising=False)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    exec(compile(code, "snippet", "exec"), {})
    assert capsys.readouterr().out


def test_the_readme_names_only_commands_that_exist() -> None:
    named = set(re.findall(r"^    tiderace (\w+)", (ROOT / "README.md").read_text(), re.M))
    known = CliRunner().invoke(app, ["--help"]).output
    assert named
    assert all(command in known for command in named)


def test_every_link_of_a_document_leads_somewhere() -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
