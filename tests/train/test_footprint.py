import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganc.errors import UserError
from ganc.train import footprint
from ganc.train.footprint import capacity, check_footprint


@pytest.fixture
def lowered():
    return jax.jit(lambda x: x @ x).lower(np.ones((500, 500), np.float32))


def test_a_stage_says_what_it_takes(lowered, capsys):
    check_footprint("supernet", [lowered], {"w": jnp.zeros((1000, 1000))}, 1)
    # 4 MB of state, of which the program sees 1, and 1 MB of results.
    assert capsys.readouterr().out.startswith("supernet: takes about 0.005 GB of ")


def test_what_does_not_fit_is_refused(lowered, monkeypatch):
    monkeypatch.setattr(footprint, "capacity", lambda: (3_000_000, True))
    check_footprint("supernet", [lowered], {}, 1)
    with pytest.raises(UserError, match="supernet would take 0.004 GB, .* has 0.003 GB"):
        check_footprint("supernet", [lowered], {}, 2)  # on one machine
    monkeypatch.setattr(footprint, "capacity", lambda: (3_000_000, False))
    check_footprint("supernet", [lowered], {}, 2)


def test_the_memory_of_this_machine():
    size, shared = capacity()
    assert size > 1e8 and shared
