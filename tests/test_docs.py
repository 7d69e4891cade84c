"""What pages name must be there: files, links with headings, modules, make targets, commands, options, variables."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
import typer.main

from culture import app
from features.settings import Settings
from serving.app import create_app
from training.run import TrainConfig

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`]+)`", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_PAGE = re.compile(r"\bdocs/[\w./-]+\.md\b")
_FILE = re.compile(r"(?:recsys|features|training|serving|benchmarks|notebooks|tests|docs)/[\w./-]*")
_DOTTED = re.compile(r"(?:recsys|features|training|serving|benchmarks)(?:\.\w+)+")
_TARGET = re.compile(r"\bmake ([a-z][a-z-]*)(?![\w…-])")
_COMMAND = re.compile(r"\bculture ([a-z]+)\b")
_CALL = re.compile(r"\bculture ([a-z]+)\b((?:\\\n|[^\n|;&`])*)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_ROUTES = re.compile(r"`((?:GET|PUT|POST|DELETE)(?:, (?:GET|PUT|POST|DELETE))*) (/[^`\s]*)`")
_VARIABLE = re.compile(r"\bCULTURE_[A-Z_]*[A-Z]\b")


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _anchors(page: Path) -> set[str]:
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in _HEADING.findall(_text(page))
    }


def _resolves(link: str, page: Path) -> bool:
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    return "://" in link or (target.exists() and (not anchor or anchor in _anchors(target)))


def _has_module(name: str) -> bool:
    """Whether a dotted name is a module, a package, or a name that stands in one."""
    path = ROOT / name.replace(".", "/")
    if path.with_suffix(".py").exists() or (path / "__init__.py").exists():
        return True
    module = path.parent.with_suffix(".py")
    return module.exists() and re.search(rf"\b{path.name}\b", _text(module)) is not None


def _targets() -> set[str]:
    lines = re.findall(r"^([a-z][a-z -]*):", _text(ROOT / "Makefile"), re.MULTILINE)
    return {word for line in lines for word in line.split()}


@cache
def _options() -> dict[str, set[str]]:
    """What each command takes."""
    commands = typer.main.get_command(app).commands
    return {
        name: {"--help", *(word for one in command.params for word in one.opts)} for name, command in commands.items()
    }


def _unknown_options(code: str) -> list[str]:
    """Options that a page gives to a command and that the command does not take."""
    return [
        f"culture {name} {option}"
        for name, rest in _CALL.findall(code)
        for option in _OPTION.findall(rest)
        if name in _options() and option not in _options()[name]
    ]


@cache
def _variables() -> set[str]:
    """Every variable of the environment that the code, the tests or make go by."""
    files = [ROOT / "Makefile", ROOT / "culture.py", *ROOT.glob("tests/**/*.py"), *ROOT.glob("serving/**/*.py")]
    read = {name for file in files if file != Path(__file__) for name in _VARIABLE.findall(_text(file))}
    return read | {f"CULTURE_{name.upper()}" for name in Settings.model_fields}


def missing(page: Path) -> list[str]:
    """What a page names and the tree has not."""
    text, targets, commands = _text(page), _targets(), set(_options())
    wrong = [link for link in _LINK.findall(text) if not _resolves(link, page)]
    wrong += [name for name in _PAGE.findall(text) if not (ROOT / name).exists()]
    for block, span in _CODE.findall(text):
        code = block or " ".join(span.split())
        if (_FILE.fullmatch(code) and not (ROOT / code).exists()) or (
            _DOTTED.fullmatch(code) and not _has_module(code)
        ):
            wrong.append(code)
        wrong += [f"make {name}" for name in _TARGET.findall(code) if name not in targets]
        wrong += [f"culture {name}" for name in _COMMAND.findall(code) if name not in commands]
        wrong += _unknown_options(code)
    return wrong + [name for name in _VARIABLE.findall(text) if name not in _variables()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_is_there(page: Path) -> None:
    assert missing(page) == []


@pytest.mark.parametrize("page", [page for page in PAGES if _PYTHON.search(_text(page))], ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    for example in _PYTHON.findall(_text(page)):
        exec(example, names)


def test_settings_that_a_page_shows_are_settings() -> None:
    (shown,) = re.findall(r"^```json\n(.*?)^```", _text(ROOT / "docs" / "experiments.md"), re.MULTILINE | re.DOTALL)
    assert TrainConfig.model_validate_json(shown) != TrainConfig()


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached:
            reached.add(page)
            links = (link.partition("#")[0] for link in _LINK.findall(_text(page)) if "://" not in link)
            ahead += [(page.parent / link).resolve() for link in links if link.endswith(".md")]
    assert reached >= set(PAGES)


def test_what_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "[a](gone.md) docs/gone.md `recsys/gone.py` `recsys.gone` `recsys.ranking.gone` `make gone` `culture gone`\n"
        "[b](#there) `recsys/ids.py` `recsys.ranking.top_k` `make test` `culture train --as-of 2026-01-01`\n\n"
        "```sh\nculture train --quiet && culture score --truth a \\\n  --gone b\n```\n"
        "CULTURE_HOME CULTURE_GONE\n## There\n",
        encoding="utf-8",
    )
    assert missing(page) == [
        "gone.md",
        "docs/gone.md",
        "recsys/gone.py",
        "recsys.gone",
        "recsys.ranking.gone",
        "make gone",
        "culture gone",
        "culture score --gone",
        "CULTURE_GONE",
    ]


def test_every_variable_that_settings_are_read_from_is_explained() -> None:
    explained = _text(ROOT / "docs" / "nightly.md")
    assert [name for name in Settings.model_fields if f"| `CULTURE_{name.upper()}` |" not in explained] == []


def test_the_page_of_the_api_names_every_route_and_no_other():
    section = _text(ROOT / "docs/api.md").partition("## Routes\n")[2].partition("\n## ")[0]
    named = {(method, path) for methods, path in _ROUTES.findall(section) for method in methods.split(", ")}
    paths = create_app(cast(Any, None), cast(Any, None)).openapi()["paths"]
    assert named == {(method.upper(), path) for path, operations in paths.items() for method in operations}
