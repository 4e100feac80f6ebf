"""Do what a tutorial says: run its shell and Python blocks in their order; keep the figures that its page shows.

``python docs/tutorials/follow.py 4_sweep`` runs one in a temporary folder and renews its figures.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TERMINAL = re.compile(r"<!-- terminal: (\S+) -->")
PICTURE = re.compile(r"<!-- picture: (\S+) = (\S+) -->")


def follow(page: Path, folder: Path) -> list[str]:
    """Run the blocks of a page in a folder; return what each printed.

    Raises
    ------
    AssertionError : one fails.
    """
    printed = []
    for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            printed.append(_run([sys.executable, "-c", text], folder))
            continue
        for line in text.replace("\\\n", " ").splitlines():
            words = [_filled(word, folder) for word in shlex.split(line, comments=True)]
            if words:
                printed.append(_run([sys.executable if words[0] == "python" else words[0], *words[1:]], folder))
    return printed


def pictures(page: Path, folder: Path) -> dict[str, Path]:
    """Figures that a page shows: name below ``pictures/`` -> file that its commands made.

    Raises
    ------
    AssertionError : one is not there.
    """
    found = {}
    for name, place in PICTURE.findall(page.read_text(encoding="utf-8")):
        files = sorted(folder.glob(place))
        assert files, f"{page.name}: no {place}"
        found[name] = files[0]
    return found


def run_notebook(file: Path, folder: Path) -> dict[str, Any]:
    """Execute the code cells of a notebook in a folder, all in one namespace; return it with its new outputs.

    Raises
    ------
    Exception : of the cell that fails.
    """
    notebook: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    with contextlib.chdir(folder):
        for number, cell in enumerate(code, 1):
            cell["execution_count"], cell["outputs"] = number, _outputs("".join(cell["source"]), number, namespace)
    return notebook


def _outputs(source: str, number: int, namespace: dict[str, Any]) -> list[dict[str, Any]]:
    """Execute a cell; what it printed, the value of its last line, its figures."""
    import matplotlib.pyplot as plt

    tree, printed = ast.parse(source), io.StringIO()
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    value = None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"cell {number}", "exec"), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), namespace)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": printed.getvalue()})
    if value is not None:
        about = {"execution_count": number, "metadata": {}, "data": {"text/plain": repr(value)}}
        outputs.append({"output_type": "execute_result", **about})
    for one in plt.get_fignums():
        image = io.BytesIO()
        plt.figure(one).savefig(image, format="png", dpi=90)
        plt.close(one)
        data = {"image/png": base64.b64encode(image.getvalue()).decode()}
        outputs.append({"output_type": "display_data", "metadata": {}, "data": data})
    return outputs


def draw_terminal(text: str, file: Path, columns: int = 110) -> None:
    """Draw what a command printed, with its colours, as an SVG."""
    console = Console(record=True, width=columns, file=io.StringIO())
    console.print(Text.from_ansi("\n".join(what_stays(text))))
    image = console.export_svg(title="python -m photoz_lit")
    file.write_text(re.sub(r"@font-face \{.*?\}\s*", "", image, flags=re.DOTALL), encoding="utf-8")  # no network


def what_stays(text: str) -> list[str]:
    """Return the lines that a terminal shows in the end: none of the bars, which are erased and drawn over.

    What is printed after a bar stands on the line that erases it, behind the codes that go up and erase.
    """
    lines = [line for line in text.splitlines() if "\x1b[2K" not in line or "\x1b[1A" in line]
    kept = [line.rpartition("\x1b[2K")[2] for line in lines]
    return [line for line in kept if line not in ("\x1b[?25l", "\x1b[?25h")]


def _run(words: list[str], folder: Path) -> str:
    path = os.pathsep.join([str(HERE.parents[1]), str(HERE)])
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": path, "COLUMNS": "110", "FORCE_COLOR": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=3600)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def _filled(word: str, folder: Path) -> str:
    """Put the folder that fits in the place of ``<id>``, the newest of several."""
    if "<id>" not in word:
        return word
    key, _, place = word.rpartition("=")
    found = max(folder.glob(place.replace("<id>", "*")), key=lambda path: path.stat().st_mtime)
    return (f"{key}=" if key else "") + str(found.relative_to(folder))


def main(name: str) -> None:
    """Follow a page in a temporary folder and copy its figures beside it."""
    page = HERE / f"{name}.md"
    notebook = page.with_suffix(".ipynb")
    if notebook.is_file():
        with tempfile.TemporaryDirectory() as temporary:
            renewed = run_notebook(notebook, Path(temporary))
        notebook.write_text(json.dumps(renewed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    with tempfile.TemporaryDirectory() as temporary:
        printed = follow(page, Path(temporary))
        print("\n".join(printed))
        for name in TERMINAL.findall(page.read_text(encoding="utf-8")):
            draw_terminal(printed[-1], HERE / "pictures" / name)
        for target, source in pictures(page, Path(temporary)).items():
            shutil.copyfile(source, HERE / "pictures" / target)


if __name__ == "__main__":
    main(sys.argv[1])
