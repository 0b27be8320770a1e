"""What distillation, pruning and eight bits are each worth, alone, in sequence and at once.

    python -m experiments.slimming_ablation

Runs `cyclegan_slimming` in six variants, each in WORKDIR/NAME, and prints one table: `distil` is a
network of half the width that was only distilled; `prune` sees no teacher; `prune_then_distil` and
`distil_then_prune` do one after the other, the latter from what `distil` left;
`slim_then_quantise` rounds when all training is done, `slim_and_quantise` from the first step.
`--only NAME ...` runs some of them. Settings are those of `cyclegan_slimming`.

Reference: Wang et al. 2020 (arXiv 2008.11062), which compares such variants.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganc.compression.slimming_settings import Slim
from ganc.compression.variants import ONLY, Variant, run_variants
from ganc.recipes import cyclegan_slimming
from ganc.scores.row import Row

PRESETS = {name: preset for name, preset in cyclegan_slimming.PRESETS.items() if "gs8" not in name}

FLAGS = (ONLY,)


def variants(config: Slim, workdir: Path) -> dict[str, Variant]:
    """Name -> variant of `config`."""
    blind: dict[str, Any] = {"beta": 0.0, "tune_beta": 0.0}
    half: dict[str, Any] = {"student": "random", "ngf": max(1, config.ngf // 2)}
    settings: dict[str, dict[str, Any]] = {
        "distil": {**half, "rho": 0.0, "shrinkage": 0.0, "budget": 0.0},
        "prune": blind,
        "prune_then_distil": {"beta": 0.0},
        "distil_then_prune": {**blind, "student": str(workdir / "distil")},
        "slim_then_quantise": {"quantise": "after"},
        "slim_and_quantise": {"quantise": "deployable"},
    }
    plain = dataclasses.replace(config, quantise="none")
    return {
        name: Variant(
            cyclegan_slimming.run,
            dataclasses.replace(plain, **changed),
            needs="distil" if name == "distil_then_prune" else "",
        )
        for name, changed in settings.items()
    }


def run(config: Slim, workdir: Path, only: Sequence[str] = ()) -> list[Row]:
    """Runs the variants, or those of `only`; returns a row for each and their teacher's."""
    return run_variants(variants(config, workdir), workdir, only)
