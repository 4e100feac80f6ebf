import ast
from pathlib import Path

import photoz_lit.data

ALLOWED = {
    *(
        "data",
        "engines",
        "errors",
        "fields",
        "files",
        "processes",
        "rows",
        "settings",
        "sky_matching",
        "tables",
        "targets",
    )
}


def imported(path: Path) -> set[str]:
    """Parts of the package that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("photoz_lit.")}


def test_the_data_do_not_know_what_is_built_on_them() -> None:
    files = list(Path(photoz_lit.data.__file__).parent.glob("*.py"))
    assert len(files) > 10
    assert {file.name: imported(file) - ALLOWED for file in files if imported(file) - ALLOWED} == {}
