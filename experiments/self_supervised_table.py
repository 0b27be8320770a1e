"""Runs the tables of self-supervised compression, each as one command.

Its settings and networks are those of `ganc/recipes/self_supervised_table.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("self_supervised_table")
