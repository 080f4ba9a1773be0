"""Pages without a script: every text of a student's is escaped, and nothing may be loaded."""

from __future__ import annotations

from html import escape

# Even if something slipped through: no script, no frame, nothing from anywhere.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em;
  color: #222; background: #fff }
table { border-collapse: collapse; width: 100%; margin: 1em 0 }
th, td { text-align: left; vertical-align: top; padding: .4em .8em .4em 0;
  border-bottom: 1px solid #ddd }
td.points { white-space: nowrap; text-align: right }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 14px; margin: .3em 0;
  background: #f6f6f6; padding: .5em }
.right { color: #007a5a; font-weight: 600 } .wrong { color: #a84b00; font-weight: 600 }
.open { color: #555; font-weight: 600 }
.warning { border-left: 4px solid #d55e00; padding: .3em 1em; background: #fdf3ec }
svg text { font: 14px system-ui, sans-serif }
"""


def page(title: str, body: str) -> str:
    """A whole page; `body` is HTML, `title` is not."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def text(value) -> str:
    """Anything as text in a page."""
    return escape(str(value), quote=True)


def table(head: list[str], rows: list[list[str]], caption: str = "") -> str:
    """A table; cells are HTML, headings and caption are not."""
    top = "".join(f'<th scope="col">{text(h)}</th>' for h in head)
    body = "\n".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    title = f"<caption>{text(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table>"


def listing(lines: list[str]) -> str:
    """A list of texts."""
    return "<ul>" + "".join(f"<li>{text(line)}</li>" for line in lines) + "</ul>"


def bars(rows: list[tuple[str, float, str]], title: str, color: str = "#0072B2") -> str:
    """Horizontal bars: (label, share from 0 to 1, words at the end)."""
    height, left, wide = 30, 330, 360
    words = "; ".join(f"{label}: {said}" for label, _, said in rows)
    drawn = []
    for i, (label, share, said) in enumerate(rows):
        y = i * height
        length = max(1.0, wide * min(1.0, max(0.0, share)))
        drawn.append(
            f'<text x="{left - 8}" y="{y + 20}" text-anchor="end">{text(label[:42])}</text>'
            f'<rect x="{left}" y="{y + 5}" width="{length:.1f}" height="20" fill="{color}"/>'
            f'<text x="{left + length + 8:.1f}" y="{y + 20}">{text(said)}</text>'
        )
    total = height * len(rows)
    return (
        f'<svg role="img" aria-label="{text(title)}. {text(words)}" viewBox="0 0 860 {total}" '
        f'width="100%" style="background:#fff">{"".join(drawn)}</svg>'
    )
