"""Trains a GauGAN generator on label maps, to be a teacher.

Its settings and networks are those of `ganc/recipes/gaugan_teacher.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("gaugan_teacher")
