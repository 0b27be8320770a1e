"""Compresses a MUNIT generator, of many styles, by distillation from a wider one that still learns.

Its settings and networks are those of `ganc/recipes/munit_omgd.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("munit_omgd")
