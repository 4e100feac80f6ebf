"""Hydra launcher of photoz_lit; Hydra takes plugins from this namespace only."""
