"""What each part of OMGD brings: the same student trained with and without it, in one table.

Its settings and networks are those of `ganc/recipes/pix2pix_omgd_ablation.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("pix2pix_omgd_ablation")
