"""Pages of documentation name what is there."""

import re
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_links_to_is_there(page: Path) -> None:
    links = [target for _, target in LINK.findall(page.read_text(encoding="utf-8"))]
    files = [target for target in links if not target.startswith(("http:", "https:", "mailto:"))]
    assert [target for target in files if not (page.parent / target).exists()] == []


def test_what_the_architecture_names_in_a_file_is_defined_there() -> None:
    page = ROOT / "docs" / "architecture.md"
    named = [
        (name.strip("`").split(".")[-1], page.parent / target)
        for name, target in LINK.findall(page.read_text(encoding="utf-8"))
        if name.startswith("`") and target.endswith(".py")
    ]
    assert len(named) > 15
    assert [
        (name, path.name)
        for name, path in named
        if not re.search(rf"^\s*(class|def) {name}\b", path.read_text(encoding="utf-8"), re.M)
    ] == []
