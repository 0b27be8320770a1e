"""Prunes a generator that its trained discriminator supervises, and no picture has to match.

Its settings and networks are those of `ganc/recipes/self_supervised.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("self_supervised")
