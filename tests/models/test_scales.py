import numpy as np

from ganc import channels
from ganc.models import resnet, unet
from ganc.models.render import render
from ganc.models.scales import with_scales
from ganc.types import Model


def test_a_dense_or_sliced_network_enters_as_it_is(random_params):
    generator = resnet.generator(resnet.Spec(6, 3, separable=True))
    params = random_params(generator)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype(np.float32)
    keep = {"stem": np.arange(4), "block1": np.arange(3)}
    for some in (params, channels.slice_params(params, generator.axes, keep)):
        made = with_scales(Model(generator, some))
        assert made.generator.spec.norm == "slimming"
        pictures = [render(one, x) for one in (made, Model(generator, some))]
        np.testing.assert_array_equal(*pictures)
        widths = channels.read_widths(made.params, made.generator.axes)
        assert len(made.params["stem_norm"]["scale"]) == widths["stem"]


def test_other_norms_and_families(random_params):
    pix = unet.generator(unet.Spec(2, 5, norm="instance"))
    made = with_scales(Model(pix, random_params(pix)))
    assert made.generator.spec.norm == "affine" and "scale" in made.params["enc1_norm"]
    dense = resnet.generator(resnet.Spec(2, 3))
    whole = with_scales(Model(dense, random_params(dense)), trunk=True)
    assert whole.generator.spec.norm == "affine" and "scale" in whole.params["down2_norm"]
    batch = Model(unet.generator(unet.Spec(2, 5)), {})
    assert with_scales(batch) is batch
