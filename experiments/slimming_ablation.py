"""What distillation, pruning and eight bits are each worth, alone, in sequence and at once.

Its settings and networks are those of `ganc/recipes/slimming_ablation.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("slimming_ablation")
