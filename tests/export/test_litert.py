"""LiteRT files; what needs their converter is skipped where it is not installed."""

from importlib.util import find_spec

import jax
import numpy as np
import pytest

from ganc import cli
from ganc.export import drawn, litert
from ganc.models import munit, resnet, spade, store, unet
from ganc.models.families import generator
from ganc.types import Model

SPECS = {
    "resnet": resnet.Spec(4, blocks=3, separable=True),
    "munit": munit.Spec(2, separable=True, blocks=2, style_dim=3, mlp_dim=4),
    "spade": spade.Spec(2, labels=5, upsampling="normal"),
    "unet": unet.Spec(2, downs=5),
}


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.filterwarnings("ignore")  # what PyTorch and its converters say of themselves
def test_a_family_draws_what_jax_draws(name, random_params):
    if find_spec("litert_torch") is None:  # not by importing it: that puts JAX into 64 bits
        pytest.skip("the converter is not installed")
    made = generator(SPECS[name])
    model, size = Model(made, random_params(made)), (max(made.divisor, 32),) * 2
    data = litert.serialise(model, size)
    assert litert.check(data, model, size, own_style=False) <= drawn.CLOSE


def test_mistakes_end_in_one_line_and_leave_nothing(tmp_path, monkeypatch, capsys):
    made, place, out = generator(SPECS["resnet"]), tmp_path / "model", tmp_path / "a.tflite"
    shapes = jax.eval_shape(made.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
    store.save(place, Model(made, params, None), {})

    def refused(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.run(litert.main, [str(place), str(out), *arguments])
        assert end.value.code == 2 and not out.exists()
        return capsys.readouterr().err

    monkeypatch.setattr(litert, "_require", lambda name: None)
    assert "give --size" in refused()
    monkeypatch.undo()
    monkeypatch.setattr(litert.importlib.util, "find_spec", lambda name: None)
    assert "pip install 'ganc[litert]'" in refused("--size", "32", "32")
    out.write_text("mine")
    with pytest.raises(SystemExit):
        cli.run(litert.main, [str(place), str(out)])
    assert out.read_text() == "mine" and "exists" in capsys.readouterr().err
