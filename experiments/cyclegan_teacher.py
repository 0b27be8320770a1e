"""Trains a CycleGAN, both directions, to be a teacher.

Its settings and networks are those of `ganc/recipes/cyclegan_teacher.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("cyclegan_teacher")
