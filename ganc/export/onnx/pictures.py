"""Pictures of a data set as an exported file takes them."""

from collections.abc import Iterator, Sequence

import numpy as np

from ganc.batching import evenly_spread
from ganc.data.dataset import Dataset
from ganc.data.pictures import resize
from ganc.errors import UserError
from ganc.export.onnx.check import Example, random_style
from ganc.export.onnx.network import PICTURE, Network

CALIBRATION = 64
"""Training pictures that ranges are measured on."""


def of_data(
    data: Dataset, pictures: Sequence[np.ndarray], size: tuple[int, int], network: Network
) -> Iterator[Example]:
    """One example per picture of `data`, at `size`; styles, if any, are random by their place.

    Raises:
        UserError: the file takes label maps and there are pictures, or the other way round.
    """
    port = network.inputs[0]
    channels = 3 if data.labels is None else data.labels.channels
    wanted = port.shape[3] if port.dtype == "uint8" else port.shape[1]
    if channels != wanted or (data.labels is None) != (port.name == PICTURE):
        raise UserError(
            f"the model takes a {port.name} of {wanted} channels, {data.name} has "
            f"{'pictures' if data.labels is None else 'label maps'} of {channels}"
        )
    for index, picture in enumerate(pictures):
        given = resize(picture, *size)
        if data.labels is not None:
            given = data.labels.encode(given).astype(np.uint8)
        yield Example(given[None], random_style(network, index, 1))


def calibration(data: Dataset, size: tuple[int, int], network: Network) -> Iterator[Example]:
    """`CALIBRATION` examples of the training pictures, evenly spread; see `of_data`."""
    count = len(data.train_a)
    some = [data.train_a[int(i)] for i in evenly_spread(min(CALIBRATION, count), count)]
    return of_data(data, some, size, network)
