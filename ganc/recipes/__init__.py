"""Recipes: presets and networks, one method on one task each, which `ganc.compression` runs."""
