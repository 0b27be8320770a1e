"""Compresses a pix2pix generator by online distillation from a wider and a deeper teacher.

Its settings and networks are those of `ganc/recipes/pix2pix_omgd.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("pix2pix_omgd")
