"""An HTML report read back: its texts by section and table, its attributes, its references."""

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br"}
REFERRING = ("src", "href", "xlink:href", "data", "poster", "action", "srcset")


@dataclass
class Page(HTMLParser):
    """Feed it once; ``rows[section]`` are the cells of its table rows, as text."""

    tags: Counter[str] = field(default_factory=Counter)
    ids: Counter[str] = field(default_factory=Counter)
    references: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, list[list[str]]] = field(default_factory=dict)
    marks: dict[str, list[str]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    section: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        named = dict(attrs)
        self.ids.update(filter(None, [named.get("id")]))
        self.references += [value or "" for name, value in attrs if name in REFERRING]
        self.titles += filter(None, [named.get("title")])
        if tag == "section":
            self.section = named.get("id") or ""
        if tag == "tr":
            self.rows.setdefault(self.section, []).append([])
        if tag in ("td", "th"):
            self.rows[self.section][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, text: str) -> None:
        text = " ".join(text.split())
        if not text:
            return
        self.texts.setdefault(self.section, []).append(text)
        if self.open and self.open[-1] in ("del", "ins"):
            self.marks.setdefault(self.open[-1], []).append(text)
        if {"td", "th"} & set(self.open) and self.rows.get(self.section):
            cells = self.rows[self.section][-1]
            cells[-1] = f"{cells[-1]} {text}".strip()


def read_page(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    return page
