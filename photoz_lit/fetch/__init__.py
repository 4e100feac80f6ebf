"""Stamps from public services, for a table of positions; the one package that asks other machines for data."""
