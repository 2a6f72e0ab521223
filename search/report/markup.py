"""HTML from Python values: whatever is not HTML already is escaped."""

from __future__ import annotations

from html import escape

EMPTY_ELEMENTS = frozenset({"meta", "br", "hr"})


class Html(str):
    """Text that is HTML already; a plain `str` is a user's text until `element` has escaped it."""

    __slots__ = ()


def element(kind: str, /, *children: Html | str, **attributes: str | float | bool | None) -> Html:
    """One element. `class_` is written class, `aria_label` aria-label; attributes of None or False are left out."""
    written = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    if kind in EMPTY_ELEMENTS:
        return Html(f"<{kind}{written}>")
    return Html(f"<{kind}{written}>{join(*children)}</{kind}>")


def join(*children: Html | str, between: str = "") -> Html:
    """Children one after the other, plain text among them escaped."""
    return Html(between.join(child if isinstance(child, Html) else escape(child) for child in children))


def paragraph(*children: Html | str) -> Html:
    """A paragraph."""
    return element("p", *children)


def section(name: str, heading: str, *children: Html | str) -> Html:
    """A part of the page under a heading of the second level; `name` is its anchor."""
    title = element("h2", heading, id=f"{name}-heading")
    return element("section", title, *children, id=name, aria_labelledby=f"{name}-heading")


def _attribute(key: str, value: str | float | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    if isinstance(value, bool):
        return f" {name}" if value else ""
    return f' {name}="{escape(str(value))}"'
