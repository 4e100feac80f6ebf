"""What a run fits: a network, an adapted network, a forest or templates, each behind the same five methods."""
