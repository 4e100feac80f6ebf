"""Run the command line: ``python -m photoz_lit +experiment=hsc9b_early_fusion``."""

from __future__ import annotations

from collections.abc import Sequence

from photoz_lit.faults import telling_faults
from photoz_lit.processes import end_with_caller


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; bad input, a fault of the system or Ctrl-C prints one sentence, without a traceback."""
    with telling_faults():
        end_with_caller()
        from photoz_lit.start import start  # not at the top: it takes seconds, in which Ctrl-C may come

        start(arguments)


if __name__ == "__main__":
    main()
