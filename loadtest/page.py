"""Reports as one HTML file: text, tables, pictures inside the page."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans CJK KR", sans-serif; max-width: 66rem;
       margin: 2rem auto; padding: 0 1rem; color: #1c2733; }
h1 { margin-bottom: 0 } h2 { margin-top: 2.4rem; border-bottom: 1px solid #d5dde5 }
table { border-collapse: collapse; margin: .6rem 0 }
th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #e4eaf0 }
th:first-child, td:first-child, .text { text-align: left }
th { color: #54677a; font-weight: 600 } td:not(.text) { white-space: nowrap }
img, svg { max-width: 100% } .note { color: #54677a }
.met { color: #0a6b3d } .missed { color: #b00020; font-weight: 600 }
.verdict { font-size: 1.2rem; padding: .6rem 1rem; border-radius: .4rem; background: #eef7f1 }
.verdict.bad { background: #fdecee }
.wide { overflow-x: auto } tr.sum td { font-weight: 600; border-top: 2px solid #c3ced9 }
figure { margin: .8rem 0 } figcaption { color: #54677a; font-size: .9em }
nav a { margin-right: 1rem } details { margin: .6rem 0 } summary { cursor: pointer }
"""
_DPI = 90

Cell = str | tuple[str, str]  # text, or class and text


def document(title: str, parts: Iterable[str]) -> str:
    """Give a whole page of parts that are HTML."""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
        "<body>" + "\n".join(parts) + "</body></html>\n"
    )


def table(head: Sequence[Cell], rows: Iterable[Sequence[Cell]], *, sums: Sequence[str] = ()) -> str:
    """Give a table; rows whose first cell is one of `sums` are set off."""
    lines = ["<tr>" + "".join(_cell("th", cell) for cell in head) + "</tr>"]
    for row in rows:
        mark = " class=sum" if row[0] in sums else ""
        lines.append(f"<tr{mark}>" + "".join(_cell("td", cell) for cell in row) + "</tr>")
    return f"<div class=wide><table>{''.join(lines)}</table></div>"


def _cell(tag: str, cell: Cell) -> str:
    style, text = ("", cell) if isinstance(cell, str) else cell
    mark = f" class='{style}'" if style else ""
    return f"<{tag}{mark}>{html.escape(text)}</{tag}>"


def picture(figure: Figure, caption: str, *, as_svg: bool = False) -> str:
    """Give a picture with its caption; SVG where lines are few, else PNG."""
    written = io.BytesIO()
    figure.savefig(written, format="svg" if as_svg else "png", dpi=_DPI)
    inside = base64.b64encode(written.getvalue()).decode()
    kind = "svg+xml" if as_svg else "png"
    said = html.escape(caption)
    return (
        f"<figure><img alt='{said}' src='data:image/{kind};base64,{inside}'>"
        f"<figcaption>{said}</figcaption></figure>"
    )


def blank_figure(width: float, height: float) -> Figure:
    """Give an empty picture, inches; matplotlib is loaded here, for it takes a second."""
    from matplotlib.figure import Figure as Made

    return Made(figsize=(width, height), layout="constrained")
