"""Galaxy photometric redshifts from multi-band images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from photoz_lit.api import Model, PDFs, evaluate, load, simulate

__version__ = "0.1.0"
__all__ = ["Model", "PDFs", "__version__", "evaluate", "load", "simulate"]


def __getattr__(name: str) -> Any:
    """Import :mod:`photoz_lit.api` when something of it is asked for: ``import photoz_lit`` loads no torch."""
    if name in __all__:
        from photoz_lit import api

        return getattr(api, name)
    raise AttributeError(f"module 'photoz_lit' has no attribute '{name}'")
