"""Ways of carrying a network to another field, put together from parts in ``conf/adapt``: one class each."""
