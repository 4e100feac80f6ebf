"""The tasks of ``task=<name>``, one module each."""
