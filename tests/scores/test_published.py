"""Whole scores beside the tools that the field publishes with, on the same files.

The weights are random: parity of the arithmetic does not depend on them.
"""

import json

import numpy as np
import pytest
from pictures import names, write
from PIL import Image
from scoring_tools import assert_close, tool

from ganc import cli
from ganc.data.pictures import to_float
from ganc.features import inception, lpips, resizing, vgg, weights
from ganc.metrics import __main__ as program
from ganc.metrics.frechet import frechet_distance


def random_weights(shapes, seed=0):
    """Under which activations neither vanish nor explode."""
    rng = np.random.default_rng(seed)

    def tensor(name, shape):
        if len(shape) > 1:
            return rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        if name.rpartition(".")[2] in ("weight", "running_var"):  # of a batch norm
            return rng.uniform(0.5, 1.5, shape)
        return rng.normal(0, 0.1, shape)

    return {name: tensor(name, shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("published")
    write(path / "fake", names(3), shape=(40, 56, 3), seed=1, shift=30)
    write(path / "real", names(4), shape=(48, 40, 3), seed=2)
    return path


@pytest.fixture(scope="module")
def network(root):
    torch = tool("torch")
    shapes = weights.shapes(inception.convs()) | {"fc.weight": (1008, 2048), "fc.bias": (1008,)}
    tensors = {k: torch.from_numpy(v) for k, v in random_weights(shapes).items()}
    torch.save(tensors, root / "inception.pth")
    return tensors


def scores(capsys, root, *flags):
    command = [root / "fake", root / "real", "--cache", root / "cache", "--json", *flags]
    cli.run(program.main, [str(word) for word in command])
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    return {key.partition("[")[0]: (key, value) for key, value in metrics.items()}


def test_fid_of_pytorch_fid(root, network, capsys, monkeypatch):
    peer, module = tool("pytorch_fid.fid_score"), tool("pytorch_fid.inception")
    monkeypatch.setattr(module, "load_state_dict_from_url", lambda *args, **kwargs: network)
    model = module.InceptionV3([module.InceptionV3.BLOCK_INDEX_BY_DIM[2048]])
    features = [
        peer.get_activations(sorted((root / folder).iterdir()), model, 3, num_workers=0)
        for folder in ("fake", "real")
    ]
    capsys.readouterr()
    ours = scores(capsys, root, "--inception", root / "inception.pth")
    key, value = ours["fid"]
    assert key.startswith("fid[inception:") and key.endswith("@299-bilinear,generated3-vs-real4]")
    # By our arithmetic, which other tests compare: theirs takes a minute for 2,048 features.
    theirs = frechet_distance(*features)
    assert_close(capsys, "fid of two folders, network of pytorch-fid", value, theirs)


def test_fid_and_kid_of_torch_fidelity(root, network, capsys):
    del network  # the file is what counts
    peer, torch = tool("torch_fidelity.feature_extractor_inceptionv3"), tool("torch")
    extractor = peer.FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(root / "inception.pth")
    )
    features = []
    for folder in ("fake", "real"):
        pictures = [np.asarray(Image.open(file)) for file in sorted((root / folder).iterdir())]
        with torch.no_grad():
            x = torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2))
            features.append(extractor(x)[0])
    kid = tool("torch_fidelity.metric_kid")
    flags = ("--inception", root / "inception.pth", "--resize", "tf1", "--kid-subset-size", 3)
    ours = scores(capsys, root, *flags, "--kid-subsets", 400)
    theirs = frechet_distance(*(rows.numpy() for rows in features))
    assert_close(capsys, "fid of two folders, network of torch-fidelity", ours["fid"][1], theirs)
    key, value = ours["kid"]
    assert "@299-tf1,subsets400x3,seed0,generated3-vs-real4]" in key
    kid_theirs = kid.kid_features_to_metric(
        *(rows.double() for rows in features), kid_subsets=400, kid_subset_size=3,
        kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1, rng_seed=2020, verbose=False,
    )  # fmt: skip
    # The subsets are drawn differently.
    error = kid_theirs["kernel_inception_distance_std"] / np.sqrt(400)
    assert abs(value - kid_theirs["kernel_inception_distance_mean"]) < 6 * error


@pytest.mark.parametrize("shape", [(40, 56, 3), (320, 301, 3)])
def test_resizing_of_clean_fid(shape, capsys):
    resize = tool("cleanfid.resize").build_resizer("clean")
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    ours = 128 * np.asarray(resizing.resize(picture[None], "clean")[0], np.float64) + 128
    theirs = np.asarray(resize(picture))
    assert_close(capsys, "clean-fid's resizing, sum of squares", (ours**2).sum(), (theirs**2).sum())
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_missing_weights_cost_one_line(root, capsys):
    command = [root / "fake", root / "real", "--cache", root / "cache", "--json", "--size", 32]
    cli.run(program.main, [*map(str, command), "--inception", str(root / "no.pth")])
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and "pt_inception-2015-12-05-6726825d.pth" in err
    assert "Lite0 features are used instead" in err
    assert [key.partition("[")[0] for key in json.loads(out)["metrics"]] == ["kid", "fd"]
    (root / "bad.pth").write_bytes(b"PK")
    with pytest.raises(SystemExit) as end:
        cli.run(program.main, [*map(str, command), "--inception", str(root / "bad.pth")])
    assert end.value.code == 2 and capsys.readouterr().err.count("\n") == 1


def test_lpips_of_a_folder(root, capsys):
    torch = tool("torch")
    linear = {
        f"lin{i}.model.1.weight": (1, n, 1, 1) for i, n in enumerate((64, 128, 256, 512, 512))
    }
    files = {
        "lpips-vgg": weights.shapes(conv for block in vgg.blocks(16) for conv in block),
        "lpips-lin": linear,
    }
    flags = ["--truth", str(root / "truth"), "--size", "32"]
    for flag, shapes in files.items():
        tensors = {k: torch.from_numpy(abs(v)) for k, v in random_weights(shapes).items()}
        torch.save(tensors, root / f"{flag}.pth")
        flags += [f"--{flag}", str(root / f"{flag}.pth")]
    write(root / "truth", names(3), shape=(40, 56, 3), seed=9)
    found = scores(capsys, root, *flags)
    key, value = found["lpips"]
    assert key.startswith("lpips[vgg:") and key.endswith(",generated3-vs-truth]")
    params = lpips.load(root / "lpips-vgg.pth", root / "lpips-lin.pth")
    x, y = (
        to_float(np.stack([np.asarray(Image.open(f)) for f in sorted((root / folder).iterdir())]))
        for folder in ("fake", "truth")
    )
    assert value == pytest.approx(float(lpips.distance(params, x, y).mean()), rel=1e-4)
    with pytest.raises(SystemExit) as end:
        scores(capsys, root, *flags[:-2])
    assert end.value.code == 2 and "--lpips-lin together" in capsys.readouterr().err
