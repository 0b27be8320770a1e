"""Compresses CartoonGAN's generator by GAN Slimming.

Its settings and networks are those of `ganc/recipes/cartoongan_slimming.py`.
"""

from ganc.recipes import start

if __name__ == "__main__":
    start("cartoongan_slimming")
