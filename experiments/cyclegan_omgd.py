"""Compresses a CycleGAN generator by distillation from a wider teacher that is still learning.

Its settings and networks are those of `ganc/recipes/cyclegan_omgd.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("cyclegan_omgd")
