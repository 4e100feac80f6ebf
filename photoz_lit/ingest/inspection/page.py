"""The inspection as one HTML page that needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from jinja2 import Environment

from photoz_lit.files import write_text
from photoz_lit.ingest.inspection.faults import Fault
from photoz_lit.printed import cell

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 64em; padding: 0 1em; color: #222; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin-top: 2em; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; } th, td { padding: .2em .8em; text-align: right; border-bottom: 1px solid #e4e4e4; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
.fault { background: #fff1e6; border-left: 4px solid #D55E00; padding: .4em .8em; margin: .4em 0; }
.fine { background: #e9f5f0; border-left: 4px solid #009E73; padding: .4em .8em; } .kind { font-weight: bold; }
</style></head><body>
<h1>{{ title }}</h1>
<p>{{ subtitle }}</p>
<h2>Faults</h2>
{% for fault in faults %}<div class="fault"><span class="kind">{{ fault.kind }}</span>: {{ fault.sentence }}</div>
{% else %}<div class="fine">None of the checks found a fault.</div>{% endfor %}
{% for name, table in tables.items() %}<h2>{{ name }}</h2>
<table><tr>{% for column in table[0] %}<th>{{ column }}</th>{% endfor %}</tr>
{% for row in table[1] %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table>
{% endfor %}
{% for name, image in images.items() %}<h2>{{ name }}</h2><img alt="{{ name }}" src="data:image/png;base64,{{ image }}">
{% endfor %}
</body></html>
"""


def write_page(
    path: Path,
    title: str,
    subtitle: str,
    faults: Sequence[Fault],
    tables: Mapping[str, pd.DataFrame],
    images: Mapping[str, Path],
) -> None:
    """Write the page.

    Parameters
    ----------
    path : the HTML file.
    title, subtitle : what was inspected.
    faults : what is wrong, maybe nothing.
    tables, images : heading -> table, heading -> PNG file; the images are embedded.
    """
    page = Environment(autoescape=True).from_string(_PAGE)
    content = page.render(
        title=title,
        subtitle=subtitle,
        faults=faults,
        tables={name: (list(table.columns), formatted(table)) for name, table in tables.items()},
        images={name: base64.b64encode(file.read_bytes()).decode() for name, file in images.items()},
    )
    write_text(path, content)


def formatted(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of a table as text: counts with separators, other numbers with four digits, NaN as a dash."""
    return [[cell(value) for value in row] for row in table.itertuples(index=False)]
