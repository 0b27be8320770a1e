import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ganc.data.dataset import EARTH_LABELS, open_dataset
from ganc.data.pictures import Augmentation
from ganc.errors import UserError


@pytest.mark.parametrize("address", ["", "eart", "earth:", "earthquake", "/data/x", "folder:"])
def test_unknown_addresses_list_the_valid_ones(address):
    with pytest.raises(UserError, match=r"valid are earth:satellite-relief, .*folder:DIR, .*tfds:"):
        open_dataset(address, 64)


def test_an_unknown_earth_task_lists_the_known_ones():
    with pytest.raises(UserError, match=r"'earth:moon'; valid are earth:satellite-relief, "):
        open_dataset("earth:moon", 64)


@pytest.mark.parametrize("size", [0, -4, 171, 5000])
def test_sizes_that_do_not_fit(size):
    with pytest.raises(UserError, match=r"at least 1 px|sizes from 1 to 170 px|from 1 to 682 px"):
        open_dataset("earth", size)


def test_earth_tasks():
    forward, back = open_dataset("earth", 64), open_dataset("earth:relief-satellite", 64)
    season = open_dataset("earth:season", 64)
    assert forward.name == "earth:satellite-relief"
    for data in (forward, back, season):
        assert data.paired
        assert data.augmentation == Augmentation((64, 64), (64, 64), flip=False)
        assert len(data.train_a) == len(data.train_b) > 1000
        assert len(data.search_a) == len(data.search_b) > 30
        assert len(data.report_a) == len(data.report_b) > 30
    assert np.array_equal(forward.report_a[7], back.report_b[7])
    assert np.array_equal(forward.report_a[7], season.report_a[7])
    assert not np.array_equal(season.report_a[7], season.report_b[7])


def test_the_other_direction():
    data = open_dataset("earth", 64)
    turned = data.turned()
    assert turned.name == "earth:satellite-relief, B to A"
    for part in ("train", "search", "report"):
        assert getattr(turned, f"{part}_a") is getattr(data, f"{part}_b")
        assert getattr(turned, f"{part}_b") is getattr(data, f"{part}_a")
    labelled = open_dataset("earth:labels-satellite", 64, labels=EARTH_LABELS)
    with pytest.raises(UserError, match="has label maps as A, so it takes --direction ab alone"):
        labelled.turned()


def test_tfds_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(UserError, match=r"pip install 'ganc\[tfds\]'"):
        open_dataset("tfds:cycle_gan/horse2zebra", 256)


def test_tfds_prepared_as_tfrecord(monkeypatch):
    def as_data_source(split):
        raise NotImplementedError(f"no random access to {split}")

    info = SimpleNamespace(splits=["trainA", "trainB"])
    builder = SimpleNamespace(info=info, data_dir="/prepared", as_data_source=as_data_source)
    library = SimpleNamespace(builder=lambda name, data_dir: builder)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", library)
    recipe = "in /prepared is not array_record; .*tfds build cycle_gan/maps --file_format=array_rec"
    with pytest.raises(UserError, match=recipe):
        open_dataset("tfds:cycle_gan/maps", 256)
