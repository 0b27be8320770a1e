"""Reads a data set that is really prepared, as array_record and without TensorFlow."""

import io

import numpy as np
import pytest
from PIL import Image

from ganc.data.dataset import open_dataset
from ganc.data.pictures import Augmentation
from ganc.data.tfds import read_tfds
from ganc.errors import UserError

tfds = pytest.importorskip(
    "tensorflow_datasets", reason="the optional extra ganc[tfds] is not installed"
)
pytestmark = pytest.mark.filterwarnings("default")  # what that library warns about is not ours


class GancToy(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"trainA": 12, "trainB": 15, "testA": 2, "testB": 3}

    def _info(self):
        features = tfds.features.FeaturesDict({"image": tfds.features.Image()})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        del dl_manager
        return {name: self._generate_examples(count) for name, count in self.SPLITS.items()}

    def _generate_examples(self, count):
        for i in range(count):
            file = io.BytesIO()
            Image.new("RGB", (9, 8), (i, i, i)).save(file, "PNG")
            file.seek(0)  # an array would be encoded with TensorFlow
            yield i, {"image": file}


class GancToyOtherSplits(GancToy):
    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"train": 2}


def prepare(directory, kind=GancToy):
    kind(data_dir=directory, file_format="array_record").download_and_prepare()


def test_a_prepared_set(tmp_path):
    prepare(tmp_path)
    splits = read_tfds("ganc_toy", str(tmp_path))
    assert {name: len(pictures) for name, pictures in splits.items()} == GancToy.SPLITS
    assert splits["trainB"][0].shape == (8, 9, 3) and splits["trainB"][0].dtype == np.uint8
    assert sorted(int(picture[0, 0, 0]) for picture in splits["trainB"]) == list(range(15))


def test_the_address(tmp_path):
    prepare(tmp_path)
    data = open_dataset(f"tfds:ganc_toy@{tmp_path}", 256)
    assert [len(data.train_a), len(data.search_a), len(data.report_a)] == [11, 1, 2]
    assert data.augmentation == Augmentation((286, 286), (256, 256), flip=True)
    assert not data.paired


def test_other_splits(tmp_path):
    prepare(tmp_path, GancToyOtherSplits)
    with pytest.raises(UserError, match="no split trainA and no trainB; it has train"):
        read_tfds("ganc_toy_other_splits", str(tmp_path))


def test_not_prepared(tmp_path):
    recipe = (
        rf"not prepared in .*tfds build ganc_toy --file_format=array_record --data_dir={tmp_path}"
    )
    with pytest.raises(UserError, match=recipe):
        read_tfds("ganc_toy", str(tmp_path))


@pytest.mark.parametrize("name", ["ganc_no_such_set", "cycle_gan/no_such_pair", "not a name"])
def test_not_in_the_catalogue(name, tmp_path):
    with pytest.raises(UserError, match=f"cannot open {name}") as caught:
        read_tfds(name, str(tmp_path))
    assert "\n" not in str(caught.value)
