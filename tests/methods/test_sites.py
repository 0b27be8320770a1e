import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ganc.errors import UserError
from ganc.methods.sites import dead_channels, find_sites
from ganc.models import cartoon, munit, resnet, spade, unet


def groups(generator, **options):
    return [site.group for site in find_sites(generator, **options)]


def test_the_published_network_has_13_sites_with_2688_scales():
    generator = resnet.generator(resnet.Spec(norm="slimming"))
    sites = find_sites(generator)
    blocks = [f"block{i}" for i in range(9)]
    assert [site.group for site in sites] == ["stem", "down1", *blocks, "up1", "up2"]
    assert sum(generator.widths[site.group] for site in sites) == 2688
    assert all(len(site.scales) == 1 for site in sites)
    assert {site.group for site in sites if not site.least} == set(blocks)


@pytest.mark.parametrize("separable", [False, True])
def test_a_trunk_is_a_site_on_demand(separable):
    generator = resnet.generator(resnet.Spec(4, 3, norm="affine", separable=separable))
    plain = ["stem", "down1", "block0", "block1", "block2", "up1", "up2"]
    assert groups(generator) == plain
    (trunk,) = (site for site in find_sites(generator, trunk=True) if site.group not in plain)
    assert trunk.group == "trunk" and trunk.least == 1
    blocks = (f"block{i}/conv2_norm/scale" for i in range(3))
    assert sorted(trunk.scales) == [*blocks, "down2_norm/scale"]
    with pytest.raises(UserError, match="no residual trunk whose norms all have scales"):
        find_sites(resnet.generator(resnet.Spec(4, 3, norm="slimming")), trunk=True)


def test_other_families():
    assert groups(cartoon.generator(cartoon.Spec(4, 3))) == [
        *("stem", "down1", "block0", "block1", "block2", "up1", "up2")
    ]
    assert groups(unet.generator(unet.Spec(4, 5))) == [
        *("enc1", "enc2", "enc3", "dec4", "dec3", "dec2", "dec1")
    ]
    assert groups(munit.generator(munit.Spec(4))) == ["up1", "up2"]
    for dense in (resnet.generator(resnet.Spec(4, 3)), spade.generator(spade.Spec(4, 3))):
        with pytest.raises(UserError, match="nothing to slim"):
            find_sites(dense)


def test_a_network_of_no_family_and_its_dead_channels(toy, random_params):
    generator = toy(3, norm=True)
    sites = find_sites(generator)
    assert [(site.group, site.biases) for site in sites] == [
        ("stem", ("stem_norm/bias",)),
        ("body", ("body_norm/bias",)),
    ]
    params = random_params(generator)
    flatten_dict(params, sep="/")["stem_norm/scale"][1] = 0
    dead = dead_channels(params, sites)
    assert dead["stem"].tolist() == [False, True, False] and not np.any(dead["body"])
