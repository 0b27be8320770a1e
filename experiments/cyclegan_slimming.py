"""Compresses a CycleGAN generator by GAN Slimming: distilled, pruned and quantised in one run.

Its settings and networks are those of `ganc/recipes/cyclegan_slimming.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("cyclegan_slimming")
