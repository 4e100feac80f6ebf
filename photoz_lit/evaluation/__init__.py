"""How good photometric redshifts are: metrics, N(z), significance, comparisons, reports and figures."""
