"""Galaxy photometric redshifts from multi-band images."""

__version__ = "0.1.0"
