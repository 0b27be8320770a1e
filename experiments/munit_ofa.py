"""Compresses a MUNIT generator, of many styles, by once-for-all distillation.

Its settings and networks are those of `ganc/recipes/munit_ofa.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("munit_ofa")
