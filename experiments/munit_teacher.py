"""Trains a MUNIT, both directions, to be a teacher.

Its settings and networks are those of `ganc/recipes/munit_teacher.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("munit_teacher")
