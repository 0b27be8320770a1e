import jax
import jax.numpy as jnp
import pytest

from ganc.models.detail_discriminator import DetailSpec
from ganc.models.discriminators import PatchSpec
from ganc.recipes import pix2pix_teacher


@pytest.mark.parametrize("name", pix2pix_teacher.PRESETS)
def test_both_networks_take_the_windows_of_every_preset(name):
    config = pix2pix_teacher.PRESETS[name]
    network, judge = pix2pix_teacher.generator(config), pix2pix_teacher.rules(config).discriminator
    key, pictures = jax.random.key(0), jax.ShapeDtypeStruct((1, *config.window, 3), jnp.float32)
    made = jax.eval_shape(network.apply, jax.eval_shape(network.init, key), pictures).image
    both = jax.ShapeDtypeStruct((1, *config.window, 6), made.dtype)
    verdict = jax.eval_shape(judge.apply, jax.eval_shape(judge.init, key), both)
    assert made.shape == pictures.shape and verdict.logits.size


def test_the_settings_choose_norms_and_discriminator():
    small, large = pix2pix_teacher.EARTH64, pix2pix_teacher.EARTH128
    assert pix2pix_teacher.generator(small).spec.norm == "instance"
    assert pix2pix_teacher.rules(small).discriminator.spec == PatchSpec(32, channels_in=6)
    assert pix2pix_teacher.generator(large).spec.norm == "batch"
    assert pix2pix_teacher.rules(large).discriminator.spec == DetailSpec(32)
