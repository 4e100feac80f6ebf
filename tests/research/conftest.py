"""The toy deep field of the tests of labels."""

from tests.labels.conftest import make_field  # noqa: F401
