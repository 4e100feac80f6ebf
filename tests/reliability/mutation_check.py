"""Change the code of numbers that count, one place at a time, and see whether the quick tests notice.

``python tests/reliability/mutation_check.py [mutants per module] [seed] [module …]`` prints a row per module:
places, mutants, those that a test failed on, and the survivors with their lines. Each mutant runs in a process forked
from this one, which has loaded the libraries, so that it costs the tests alone.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.util
import multiprocessing
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np

ROOT = Path(__file__).parents[2]
#: Module below photoz_lit -> tests that are to notice, from the quickest on.
TESTS = {
    "evaluation/metrics/binned": ["tests/evaluation/metrics/test_pdf.py", "tests/reliability/test_properties.py"],
    "evaluation/metrics/pdf": ["tests/evaluation/metrics/test_pdf.py", "tests/evaluation/metrics/test_summary.py"],
    "evaluation/metrics/point": ["tests/evaluation/metrics/test_point.py"],
    "evaluation/metrics/scores": ["tests/evaluation/metrics", "tests/evaluation/significance"],
    "evaluation/significance/bootstrap": ["tests/evaluation/significance"],
    "evaluation/significance/p_values": ["tests/evaluation/significance"],
    "evaluation/significance/weighted_mad": ["tests/evaluation/significance"],
    "labels/consensus": ["tests/labels/test_consensus.py"],
    "labels/merge": ["tests/labels/test_merge.py", "tests/reliability/test_properties.py"],
    "labels/candidates": ["tests/labels/test_merge.py"],
    "data/folds": ["tests/data/test_folds.py"],
    "sky_matching": ["tests/test_sky_matching.py", "tests/data/test_folds.py"],
    "networks/modalities": ["tests/networks/test_modalities.py", "tests/reliability/test_properties.py"],
    "alignment/coral": ["tests/alignment"],
    "alignment/gradient_reversal": ["tests/alignment/test_gradient_reversal.py"],
    "alignment/pairs": ["tests/alignment/test_pairs.py"],
    "alignment/feature_memory": ["tests/alignment/test_feature_memory.py"],
    "alignment/teaching": ["tests/alignment/test_teaching.py"],
}
COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.MatMult: ast.Mult,
}  # fmt: skip
SECONDS = 120  # of processor time for one mutant; one that takes longer has failed


def places(tree: ast.Module) -> Iterator[ast.AST]:
    """Places that can be changed: operators, comparisons, numbers, truth values, negations.

    Not types, sentences, and ``strict`` of a zip, which changes nothing where the lengths are those of one table.
    """
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            skipped |= {id(one) for one in ast.walk(node)}
        for part in ("annotation", "returns"):
            if isinstance(getattr(node, part, None), ast.AST):
                skipped |= {id(one) for one in ast.walk(getattr(node, part))}
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.keyword) and node.arg == "strict"):
            skipped |= {id(one) for one in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if (
            (isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED)
            or (isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in COMPUTED)
            or (isinstance(node, ast.Constant) and isinstance(node.value, int | float))
            or isinstance(node, ast.BoolOp | ast.UnaryOp | ast.IfExp)
        ):
            yield node


def change(node: ast.AST) -> None:
    """Change a place."""
    if isinstance(node, ast.Compare):
        node.ops[0] = COMPARED[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        node.op = COMPUTED[type(node.op)]()
    elif isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1  # type: ignore[operator]
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd() if not isinstance(node.op, ast.Not | ast.Invert) else node.op
        if isinstance(node.op, ast.Not | ast.Invert):
            node.operand = ast.UnaryOp(node.op, node.operand)
    elif isinstance(node, ast.IfExp):
        node.body, node.orelse = node.orelse, node.body


class Mutant(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the changed module in the place of the one on the disk."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The changed module's spec."""
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed code."""
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)


def _tested(mutant: Mutant, tests: Sequence[str]) -> None:
    import pytest

    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    sys.meta_path.insert(0, mutant)
    sink = os.open(os.devnull, os.O_WRONLY)
    if "LOUD" not in os.environ:
        os.dup2(sink, 1)
    os.dup2(sink, 2)
    os._exit(int(pytest.main(["-x", "-q", "-n0", "-p", "no:cacheprovider", "-m", "not long", *tests])))


def killed(name: str, path: Path, tree: ast.Module, tests: Sequence[str]) -> bool:
    """Whether the tests notice a changed module."""
    mutant = Mutant(f"photoz_lit.{name.replace('/', '.')}", path, tree)
    process = multiprocessing.get_context("fork").Process(target=_tested, args=(mutant, tests))
    process.start()
    process.join()
    return process.exitcode != 0


def check(number: int, seed: int, modules: Sequence[str]) -> tuple[int, int]:
    """Print a row per module; return mutants and those that were noticed."""
    random = np.random.default_rng(seed)
    total = noticed = 0
    for name in modules:
        path = ROOT / "photoz_lit" / f"{name}.py"
        source = path.read_text()
        if killed(name, path, ast.parse(source), TESTS[name]):
            raise SystemExit(f"{name}: its tests fail without any change")
        n = len(list(places(ast.parse(source))))
        chosen = np.sort(random.choice(n, min(number, n), replace=False))
        survivors = []
        for place in chosen:
            tree = ast.parse(source)
            node = list(places(tree))[place]
            before = ast.unparse(node)
            change(node)
            if not killed(name, path, ast.fix_missing_locations(tree), TESTS[name]):
                survivors.append(f"{getattr(node, 'lineno', 0)}: `{before}` → `{ast.unparse(node)}`")
        total, noticed = total + len(chosen), noticed + len(chosen) - len(survivors)
        print(f"| {name} | {n} | {len(chosen)} | {len(chosen) - len(survivors)} | {'; '.join(survivors)} |", flush=True)
    print(f"| all | | {total} | {noticed} ({noticed / max(total, 1):.0%}) | |", flush=True)
    return total, noticed


if __name__ == "__main__":
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import pytest  # noqa: F401
    import pytorch_lightning  # noqa: F401
    import scipy.stats  # noqa: F401
    import torch
    import torchmetrics  # noqa: F401

    torch.set_num_threads(1)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    given = sys.argv[1:]
    check(int(given[0]) if given else 10, int(given[1]) if len(given) > 1 else 0, given[2:] or list(TESTS))
