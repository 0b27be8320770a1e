"""GAN Slimming: a student imitates its teacher while its norms' scales are driven to zero.

One run minimises over the weights and the scales $\\gamma$

    beta d(G(x), G0(x)) + adversarial + rho |gamma|_1

against a discriminator that tells the teacher's pictures, or real ones, from the student's. The
last term acts through a proximal step alone, which leaves exact zeros: those channels are pruned.
Where the student is a quantised generator, it learns with rounded numbers from the first step.

Reference: Wang et al. 2020 (arXiv 2008.11062).

Differs from the reference: the threshold is the product of rho and the rate that was used, where
the released code reads a slightly smaller one off its scheduler.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax

from ganc import channels
from ganc.discovery.fingerprint import Own
from ganc.features.perceptual import Perceptual
from ganc.losses.content_style import ContentStyle, content_style
from ganc.methods.budget import Budget
from ganc.methods.shrinkage import bury, shrink, sizes
from ganc.methods.sites import Site
from ganc.methods.update import Optimizers, begin, generators_of, make_update
from ganc.metrics.layers import calls
from ganc.models.quantised import is_clip
from ganc.models.statistics import MOMENTUM
from ganc.tasks import pool
from ganc.tasks.task import Task, under
from ganc.types import Generator, Masks, Model, Params, TrainState

STUDENT = "student"


@dataclass(frozen=True, eq=False)
class Slimming:
    """The objective.

    Attributes:
        task: what is translated; its own distance to the target is best given no weight.
        student: what is slimmed.
        teacher: what it imitates.
        sites: where the student is slimmed; none while a slimmed one is fine-tuned.
        perceptual: in whose features pictures are compared.
        distance: d.
        beta: its weight; 0: the student does not see the teacher.
        against: whose pictures the discriminator takes for real, the teacher's, as published, or
            the data's.
        pool: past fakes that the discriminator is shown too.
    """

    task: Task
    student: Generator
    teacher: Generator
    sites: tuple[Site, ...]
    perceptual: Perceptual
    distance: ContentStyle = ContentStyle()
    beta: float = 20.0
    against: Literal["teacher", "real"] = "teacher"
    pool: int = 50

    @property
    def silent(self) -> bool:
        """Whether dead channels are masked, and stay dead.

        In a network of one's own nobody knows which layer could carry on with their constants. A
        norm over several channels, such as MUNIT's, would count what is gone after the cut.
        """
        return isinstance(self.student.spec, Own) or (bool(self.sites) and _mixes(self.student))

    @property
    def measured(self) -> dict[str, frozenset[str]]:
        """Role -> paths of its parameters that training measures."""
        return {
            "generator": under(STUDENT, self.student.statistics),
            "discriminator": self.task.discriminator.statistics,
        }


def by_kind(
    sites: tuple[Site, ...],
    weights: optax.GradientTransformation,
    scales: optax.GradientTransformation,
    *,
    learn_clips: bool = True,
) -> optax.GradientTransformation:
    """An optimiser of the generator: `scales` for those of the sites, `weights` for all else.

    Args:
        sites: where the student is slimmed.
        weights: Adam, as published.
        scales: SGD with momentum, as published.
        learn_clips: whether the clips of a quantised student are weights too, or stay.
    """
    chosen = {f"{STUDENT}/{path}" for site in sites for path in site.scales}

    def label(path, _) -> str:
        name = "/".join(str(key.key) for key in path)
        fixed = is_clip(name) and not learn_clips
        return "scales" if name in chosen else "fixed" if fixed else "weights"

    kinds: dict[Any, optax.GradientTransformation] = {
        "weights": weights,
        "scales": scales,
        "fixed": optax.set_to_zero(),
    }
    return optax.multi_transform(kinds, lambda tree: jax.tree_util.tree_map_with_path(label, tree))


def momentum(rate: optax.Schedule, decay: float) -> optax.GradientTransformation:
    """SGD for scales: $v \\leftarrow \\mu v + g$, then a step of `rate` against v, as PyTorch's."""
    return optax.sgd(rate, momentum=decay)


def init(
    method: Slimming,
    optimizers: Optimizers,
    student: Params,
    discriminator: Params,
    shape: tuple[int, int, int],
    *,
    average: float = 0.0,
    rho: float = 0.0,
) -> TrainState:
    """The state in which a run begins.

    Args:
        method: the objective.
        optimizers: of "generator" and "discriminator".
        student: its parameters.
        discriminator: its parameters.
        shape: (h, w, c) of pictures, for the pool.
        average: decay of the running average of the student; 0 keeps none.
        rho: the first one, where a budget moves it.
    """
    params = {"generator": {STUDENT: student}, "discriminator": discriminator}
    extra = {"pool": pool.init(method.pool, shape), "rho": jnp.float32(rho)}
    return begin(params, optimizers, average=bool(average), **extra)


def freeze(method: Slimming, teacher: Params) -> dict[str, Params]:
    """What a step takes and never changes: the teacher and the perceptual network."""
    return {"teacher": teacher, "features": method.perceptual.params}


def make_step(
    method: Slimming,
    optimizers: Optimizers,
    key: jax.Array,
    *,
    threshold: Callable[[jax.Array], jax.Array] | None = None,
    budget: Budget | None = None,
    average: float = 0.0,
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    """`step(state, frozen, batch, index) -> (state, scalars)`, pure.

    Both players' gradients are taken before either moves, and the discriminator is shown the
    pictures of that student.

    Args:
        method: the objective.
        optimizers: of "generator", see `by_kind`, and of "discriminator".
        key: of everything random; the index is folded in.
        threshold: step -> rho times the rate of the scales; None: no proximal step.
        budget: a controller of rho, instead of `threshold`.
        average: decay of the running average of the student; 0 keeps none.
    """
    task, sites = method.task, method.sites
    buried = bool(sites) and (method.silent or budget is not None)

    def generator_loss(params, discriminator, frozen, batch, inputs, taught):
        # Where dead channels stay dead, norms over several channels may leave them out.
        masks = alive(method.student, params[STUDENT], sites) if buried else None
        made = method.student.apply(
            params[STUDENT], inputs.x, masks=masks, momentum=MOMENTUM, **inputs.options
        )
        terms = dict(
            task.generator_terms(
                lambda image: task.judge(discriminator, batch, image),
                batch,
                made.image,
                task.target(batch, taught),
            )
        )
        if method.beta:
            features = method.perceptual.features(frozen["features"])
            found = content_style(method.distance, features, made.image, taught)
            terms |= {name: method.beta * value for name, value in found.items()}
        return sum(terms.values()), ({STUDENT: made.statistics}, terms, made.image)

    def discriminator_loss(params, batch, taught, shown):
        judged = task
        if method.against == "teacher":
            judged = dataclasses.replace(task, real=lambda _: taught)
        terms, statistics = judged.tell_apart(params, batch, shown)
        return sum(terms.values()), (statistics, terms)

    def step(state: TrainState, frozen, batch, index):
        k_inputs, k_pool = jax.random.split(jax.random.fold_in(key, index))
        inputs, params = task.inputs(batch, k_inputs), state.params
        taught = method.teacher.apply(frozen["teacher"], inputs.x, **inputs.options).image
        g, (g_measured, terms, fake) = jax.grad(generator_loss, has_aux=True)(
            params["generator"], params["discriminator"], frozen, batch, inputs, taught
        )
        kept, shown = pool.query(state.extra["pool"], fake, k_pool)
        d, (d_measured, more) = jax.grad(discriminator_loss, has_aux=True)(
            params["discriminator"], batch, taught, shown
        )
        found: dict[str, jax.Array] = {}
        update = make_update(
            optimizers,
            measured=method.measured,
            average=average,
            project=lambda moved: _project(moved, state, found, sites, threshold, budget, buried),
        )
        state = update(
            state,
            {"generator": g, "discriminator": d},
            {"generator": g_measured, "discriminator": d_measured},
            pool=kept,
        )
        extra = state.extra | {"rho": found.pop("rho", state.extra["rho"])}
        return state._replace(extra=extra), {**terms, **more, **found}

    return step


def alive(generator: Generator, params: Params, sites: tuple[Site, ...]) -> Masks:
    """The masks of the channels that are not dead."""
    widths = channels.read_widths(params, generator.axes)
    ones = {group: jnp.ones(width) for group, width in widths.items()}
    living = {site.group: (sizes(params, site) > 0).astype(jnp.float32) for site in sites}
    return {**ones, **living}


def student_of(method: Slimming, state: TrainState) -> Model:
    """The student, of its running average where one was kept."""
    return Model(method.student, generators_of(state)[STUDENT])


def _mixes(generator: Generator) -> bool:
    """Whether a norm takes the statistics of several channels together."""
    side = -(-generator.minimum // generator.divisor) * generator.divisor
    layers = (call.layer for call in calls(generator, side, side))
    return any(getattr(layer, "mixes", False) for layer in layers)


def _project(
    params: Mapping[str, Params],
    before: TrainState,
    found: dict[str, jax.Array],
    sites: tuple[Site, ...],
    threshold: Callable[[jax.Array], jax.Array] | None,
    budget: Budget | None,
    buried: bool,
) -> Mapping[str, Params]:
    """The proximal step; puts what is worth logging, and the next rho, into `found`."""
    student: Any = params["generator"][STUDENT]
    if buried:
        student = bury(student, before.params["generator"][STUDENT], sites)
    if budget is not None:
        rho = before.extra["rho"]
        by, found["rho"] = budget.threshold(student, sites, rho, before.step)
        student = shrink(student, sites, by)
    elif threshold is not None:
        student = shrink(student, sites, threshold(before.step))
    else:
        return params
    if buried:
        student = bury(student, student, sites)
    living = [jnp.sum(sizes(student, site) > 0) for site in sites]
    found["channels"] = sum(living[1:], living[0]).astype(jnp.float32)
    return {**params, "generator": {**params["generator"], STUDENT: student}}
