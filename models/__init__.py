"""Architectures, the networks built from them, and the training engine: torch and numpy only."""
