"""Compresses a CycleGAN generator by once-for-all distillation and evolutionary search.

Its settings and networks are those of `ganc/recipes/cyclegan_ofa.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("cyclegan_ofa")
