"""What the pages and the Makefile name is there: files, modules, links, make targets and commands."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from culture import app

ROOT = Path(__file__).parent.parent
PAGES = sorted(path.relative_to(ROOT) for path in [ROOT / "Makefile", *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ROOMS = "recsys|features|training|serving|benchmarks|tests|docs|notebooks"


def missing(page: Path) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    files = re.findall(rf"(?<![\w/])((?:{ROOMS})/[\w/.-]*\w/?)(?=[`,; )]|$)", text, re.MULTILINE)
    modules = re.findall(r"`((?:recsys|features|training|serving)(?:\.\w+)+)`", text)
    files += [str(page.parent / link) for link in re.findall(r"\]\(([^)#:]+)\)", text)]
    targets = re.findall(
        r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(encoding="utf-8").replace("bench-%", ""), re.M
    )
    known = {name for line in targets for name in line.split()}
    makes = [name for name in re.findall(r"`make ([a-z][a-z-]*)[` ]", text) if name not in known]
    commands = [name for name in re.findall(r"`culture ([a-z]+)[` ]", text) if name not in get_command(app).commands]
    return [name for name in files if not (ROOT / name).exists()] + makes + commands + list(filter(is_lost, modules))


def is_lost(name: str) -> bool:
    """A dotted name leads neither to a module nor to something in one."""
    where = ROOT.joinpath(*name.split("."))
    if where.is_dir() or where.with_suffix(".py").exists():
        return False
    module = where.parent.with_suffix(".py")
    return not module.exists() or re.search(rf"\b{where.name}\b", module.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_page_names_only_what_is_there(page):
    assert missing(page) == []


def test_what_is_not_there_is_found(tmp_path):
    text = "`recsys/nothing.py`, [page](nowhere.md), `make nonsense`, `culture dance`, `recsys/ids.py`, `make demo`"
    text += " `recsys.ids`, `recsys.ids.IdMap`, `recsys.ids.Nothing`, `recsys.nothing`"
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    there_not = ["nonsense", "dance", "recsys.ids.Nothing", "recsys.nothing"]
    assert missing(tmp_path / "page.md") == ["recsys/nothing.py", str(tmp_path / "nowhere.md"), *there_not]
