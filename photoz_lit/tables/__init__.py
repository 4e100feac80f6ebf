"""Tables of every format: how they are read, what their texts, units and missing values mean."""
