"""Compresses a GauGAN generator, from label maps to pictures, by once-for-all distillation.

Its settings and networks are those of `ganc/recipes/gaugan_ofa.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("gaugan_ofa")
