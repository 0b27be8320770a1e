import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.traverse_util import flatten_dict

from ganc.data.dataset import open_dataset
from ganc.methods import adversarial
from ganc.models import munit as networks
from ganc.tasks import munit
from ganc.types import Discriminator, Verdict


def judged(params, x, **_):
    mean = params["v"] * x.mean(axis=-1, keepdims=True)
    return Verdict((mean, 2 * mean, 3 * mean))


JUDGE = Discriminator(lambda key: {"v": jnp.float32(0.5)}, judged, spec=None)


@pytest.fixture(scope="module")
def generator():
    return networks.generator(networks.Spec(2, blocks=2, style_dim=3, mlp_dim=4))


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    pictures = {d: jnp.asarray(rng.uniform(-1, 1, (2, 16, 16, 3)), jnp.float32) for d in "ab"}
    return pictures | {"encoded": jnp.array([True, True])}


def both(generator, random_params):
    return {"ab": random_params(generator, 1, 0.3), "ba": random_params(generator, 2, 0.3)}


def test_the_terms_are_those_of_the_publication(generator, batch, random_params):
    g, d = both(generator, random_params), {"a": {"v": 0.5}, "b": {"v": 0.7}}
    weights = {"image": 10.0, "content": 2.0, "style": 3.0, "cycle": 4.0}
    game = munit.task(JUDGE, style_dim=3, **weights).play(generator)
    key = jax.random.key(5)
    terms, made = game.generator_terms(g, d, batch, key)

    # Domain a by itself: contents as "ab" encodes them, all else as "ba" has it.
    domains = {"a": g["ba"] | {"content": g["ab"]["content"]}}
    domains["b"] = g["ab"] | {"content": g["ba"]["content"]}
    z = dict(zip("ab", (jax.random.normal(k, (2, 3)) for k in jax.random.split(key)), strict=True))

    def mean(x, y):
        return float(np.abs(np.asarray(x) - np.asarray(y)).mean())

    for one, other in ("ab", "ba"):
        ours, theirs = domains[one], domains[other]
        x = batch[one]
        content = networks.encode_content(generator, ours, x)
        style = networks.encode_style(generator, ours, x)
        fake = networks.decode(generator, theirs, content, z[other])
        again = networks.encode_content(generator, theirs, fake)
        logits = d[other]["v"] * np.asarray(fake).mean(axis=-1)
        expected = {
            f"image_{one}": 10 * mean(networks.decode(generator, ours, content, style), x),
            f"content_{one}": 2 * mean(again, content),
            f"style_{other}": 3 * mean(networks.encode_style(generator, theirs, fake), z[other]),
            f"cycle_{one}": 4 * mean(networks.decode(generator, ours, again, style), x),
            f"adversarial_{one}{other}": sum(((k * logits - 1) ** 2).mean() for k in (1, 2, 3)),
        }
        for name, value in expected.items():
            assert float(terms[name]) == pytest.approx(value, rel=1e-3), name
        np.testing.assert_allclose(made.fakes[other], fake, atol=1e-5)
    assert len(terms) == 10

    told, _ = game.discriminator_terms(d, batch, made.fakes)
    real, fake = (0.5 * np.asarray(x).mean(-1) for x in (batch["a"], made.fakes["a"]))
    expected = sum(((k * real - 1) ** 2).mean() + ((k * fake) ** 2).mean() for k in (1, 2, 3))
    assert float(told["discriminator_a"]) == pytest.approx(expected, rel=1e-4)


def test_every_network_of_both_directions_learns(generator, batch):
    game = munit.task(JUDGE, style_dim=3).play(generator)
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.sgd(1e-2))
    state = adversarial.init(game, jax.random.key(0), optimizers, (16, 16, 3))
    step = jax.jit(adversarial.make_step(game, optimizers, jax.random.key(1)))
    new, terms = step(state, batch, 0)
    assert not any(name.startswith("cycle") for name in terms)
    old, new = (flatten_dict(s.params["generator"], sep="/") for s in (state, new))
    for path in old:
        if path.endswith("kernel"):
            assert np.any(old[path] != new[path]), path


def test_a_student_takes_the_styles_of_its_teacher(generator, batch, random_params):
    task = munit.task(JUDGE, style_dim=3)
    params = random_params(generator)
    mixed = batch | {"encoded": jnp.array([True, False])}
    x, options = task.inputs(mixed, jax.random.key(3))
    output = generator.apply(params, x, **options)
    style = output.taps["style"]
    np.testing.assert_allclose(
        style[0], networks.encode_style(generator, params, batch["b"])[0], atol=1e-5
    )
    np.testing.assert_array_equal(style[1], options["style"][1])
    np.testing.assert_allclose(
        output.image, generator.apply(params, x, style=style).image, atol=1e-5
    )
    picture = jnp.ones((2, 16, 16, 3))
    np.testing.assert_array_equal(task.target(mixed, picture), picture)
    assert not task.paired and task.styled(4)["style"].shape == (4, 3)


def test_styles_alternate():
    batches = munit.Alternating(open_dataset("earth:season", 32), 2, 0)
    assert [batches(step)["encoded"].tolist() for step in range(2)] == [[False] * 2, [True] * 2]
    assert batches(1)["a"].shape == (2, 32, 32, 3)
