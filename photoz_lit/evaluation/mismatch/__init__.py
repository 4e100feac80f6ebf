"""How two fields differ: their images, a linear probe, and what a network makes of each."""
