"""Trains a pix2pix generator on aligned pairs, to be a teacher.

Its settings and networks are those of `ganc/recipes/pix2pix_teacher.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("pix2pix_teacher")
