"""Compresses a GauGAN generator, from label maps to pictures, by online distillation.

Its settings and networks are those of `ganc/recipes/gaugan_omgd.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("gaugan_omgd")
