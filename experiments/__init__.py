"""Experiments: one module each, run as `python -m experiments.NAME`: the recipes of the package."""

from ganc import recipes

__path__ += recipes.__path__
