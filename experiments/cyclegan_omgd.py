"""Compresses a CycleGAN generator by OMGD: a student that learns from pictures, no discriminator.

Its settings and networks are those of `ganc/recipes/cyclegan_omgd.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("cyclegan_omgd")
