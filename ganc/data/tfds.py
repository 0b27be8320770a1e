"""Data sets of TensorFlow Datasets that were prepared as array_record; read without TensorFlow."""

from typing import Any

import numpy as np

from ganc.data.pictures import Lazy, Pictures
from ganc.errors import UserError


def read_tfds(name: str, directory: str | None) -> dict[str, Pictures]:
    """The pictures of every split of a prepared data set.

    Args:
        name: in the catalogue, e.g. "cycle_gan/horse2zebra".
        directory: where it was prepared; None for the default of tensorflow_datasets.

    Returns:
        Pictures by "trainA", "trainB" and, if both are there, "testA" and "testB".

    Raises:
        UserError: if the extra is not installed, or there is no such set, or it is not prepared in
            a form that can be read without TensorFlow, or has other splits.
    """
    try:
        import tensorflow_datasets  # pyright: ignore[reportMissingImports]

        builder = _builder(tensorflow_datasets, name, directory)
        sources = _sources(builder, name, directory)
    except ImportError as error:
        raise UserError(
            f"tfds:{name} needs an extra: pip install 'ganc[tfds]' ({error})"
        ) from error
    return {split: _pictures(source) for split, source in sources.items()}


def _builder(tensorflow_datasets: Any, name: str, directory: str | None) -> Any:
    try:
        return tensorflow_datasets.builder(name, data_dir=directory)
    except Exception as error:  # the library raises its own types, and many of them
        reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"tensorflow_datasets cannot open {name}: {reason}") from error


def _sources(builder: Any, name: str, directory: str | None) -> dict[str, Any]:
    splits = builder.info.splits
    if not splits:
        raise UserError(f"{name} is not prepared in {builder.data_dir}; {_recipe(name, directory)}")
    missing = [split for split in ("trainA", "trainB") if split not in splits]
    if missing:
        raise UserError(
            f"{name} has no split {' and no '.join(missing)}; it has {', '.join(sorted(splits))}"
        )
    tests = [split for split in ("testA", "testB") if split in splits]
    names = ["trainA", "trainB", *(tests if len(tests) == 2 else ())]
    try:
        return {split: builder.as_data_source(split=split) for split in names}
    except NotImplementedError as error:  # prepared as tfrecord, the default of the tool
        raise UserError(
            f"{name} in {builder.data_dir} is not array_record; {_recipe(name, directory)}"
        ) from error


def _recipe(name: str, directory: str | None) -> str:
    where = f" --data_dir={directory}" if directory else ""
    return (
        "prepare it once, with TensorFlow installed: "
        f"tfds build {name} --file_format=array_record{where}"
    )


def _pictures(source: Any) -> Pictures:
    def picture(index: int) -> np.ndarray:
        image = np.asarray(source[index]["image"])
        return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image

    return Lazy(range(len(source)), picture)
