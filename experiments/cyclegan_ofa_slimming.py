"""Slims a once-for-all student of a CycleGAN further, and rounds it to eight bits.

Its settings and networks are those of `ganc/recipes/cyclegan_ofa_slimming.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("cyclegan_ofa_slimming")
