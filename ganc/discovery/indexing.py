"""How channels pass through what takes and puts by places that are computed."""

from ganc.discovery.identities import Ids
from ganc.discovery.program import Step
from ganc.discovery.walk import Axes, Walk, only


def gather(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    """Windows that hold all channels; the indices have none."""
    numbers, operand = step.params["dimension_numbers"], walk.shape(step.operands[0])
    sizes = step.params["slice_sizes"]
    gone = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    whole = {i for i, size in enumerate(operand) if sizes[i] == size and i not in gone}
    kept = only(walk, step, axes[0], whole - set(numbers.start_index_map), "along channels")
    for ids in axes[1]:
        walk.identities.fix(ids, f"gather by indices that have channels in {step.where}")
    result: list[Ids] = [None] * len(walk.shape(step.results[0]))
    remaining = (ids for i, ids in enumerate(kept) if i not in gone)
    for place, ids in zip(numbers.offset_dims, remaining, strict=True):
        result[place] = ids
    return [tuple(result)]


def dynamic_slice(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    """A part that holds all channels."""
    shape = walk.shape(step.operands[0])
    kept = {i for i, size in enumerate(step.params["slice_sizes"]) if size == shape[i]}
    return [only(walk, step, axes[0], kept, "along channels")]


def dynamic_update_slice(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    """A part that holds all channels, put in another's place."""
    shape, part = (walk.shape(operand) for operand in step.operands[:2])
    kept = {i for i, size in enumerate(part) if size == shape[i]}
    whole, part = (only(walk, step, a, kept, "along channels") for a in axes[:2])
    return [tuple(map(walk.identities.same, whole, part))]


def scatter(walk: Walk, step: Step, axes: list[Axes]) -> list[Axes]:
    """Updates whose windows hold all channels; the indices have none."""
    numbers, operand = step.params["dimension_numbers"], walk.shape(step.operands[0])
    updates = walk.shape(step.operands[2])
    gone = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
    places = dict(
        zip(
            (i for i in range(len(operand)) if i not in gone),
            numbers.update_window_dims,
            strict=True,
        )
    )
    moved = numbers.scatter_dims_to_operand_dims
    whole = {i: u for i, u in places.items() if updates[u] == operand[i] and i not in moved}
    kept = only(walk, step, axes[0], set(whole), "along channels")
    new = only(walk, step, axes[2], set(whole.values()), "along channels")
    for ids in axes[1]:
        walk.identities.fix(ids, f"scatter by indices that have channels in {step.where}")
    for i, place in whole.items():
        walk.identities.same(kept[i], new[place])
    return [kept]
