"""Compresses a pix2pix generator, trained on aligned pairs, by once-for-all distillation.

Its settings and networks are those of `ganc/recipes/pix2pix_ofa.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("pix2pix_ofa")
