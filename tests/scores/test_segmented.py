import numpy as np
import pytest
from pictures import names, write
from PIL import Image
from test_score import toy

from ganc.errors import UserError
from ganc.metrics.bootstrap import Bootstrap
from ganc.scores.evaluation import Evaluation
from ganc.scores.folder import Folder
from ganc.scores.score import Scorer
from ganc.scores.segmentation import Segmenter, segmentation


def by_shade():
    """Reads the class off the red channel, sure of itself."""

    def read(picture):
        scores = np.full((*picture.shape[:2], 19), -50, np.float32)
        np.put_along_axis(scores, picture[..., :1].astype(int) // 10, 0, axis=-1)
        return scores

    return Segmenter("shade", read)


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("fake", "labels"):
        (tmp_path / name).mkdir()
    for i in range(5):
        classes = rng.integers(0, 19, (12, 14), np.uint8)
        truth = classes.copy()
        truth[:2] = 255
        truth[2:3] = (truth[2:3] + 1) % 19  # one counted row in ten is read wrongly
        picture = np.repeat(10 * classes[..., None], 3, axis=-1)
        Image.fromarray(picture).save(tmp_path / "fake" / f"{i}.png")
        Image.fromarray(truth).save(tmp_path / "labels" / f"{i}.png")
    return tmp_path


def test_scores_of_a_folder(folders):
    write(folders / "real", names(4), shape=(12, 14, 3))
    scorer = Scorer(Evaluation(toy()), segmenter=by_shade())
    values = scorer.score(folders / "fake", folders / "real", labels=folders / "labels").values
    accuracy = values["accuracy[shade,generated5-vs-labels]"]
    assert accuracy.value == pytest.approx(90)
    low, high = values["miou[shade,generated5-vs-labels]"].interval
    assert low < values["miou[shade,generated5-vs-labels]"].value < high
    assert accuracy.interval == pytest.approx((90, 90))  # equal in every picture
    with pytest.raises(UserError, match="labels need a segmentation network"):
        Scorer(Evaluation(toy())).score(
            folders / "fake", folders / "real", labels=folders / "labels"
        )


def test_labels_of_another_size_are_the_measure(folders):
    for file in (folders / "labels").iterdir():
        Image.open(file).resize((56, 48), Image.Resampling.NEAREST).save(file)
    fake = Folder.open(folders / "fake", least=1, why="").pictures("generated")
    labels = sorted((folders / "labels").iterdir())
    found = segmentation(fake, labels, by_shade(), Bootstrap(10))
    assert 70 < found["accuracy[shade,generated5-vs-labels]"].value < 90


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda file: Image.new("RGB", (14, 12)).save(file), "labels are PNG pictures of one"),
        (lambda file: Image.new("L", (14, 12), 30).save(file), "a true label is 30"),
        (lambda file: file.write_bytes(file.read_bytes()[:-30]), "cannot decode the labels"),
        (lambda file: file.rename(file.with_name("x.png")), "has no partner"),
    ],
)
def test_wrong_labels_cost_one_line(folders, damage, message):
    write(folders / "real", names(4), shape=(12, 14, 3))
    damage(folders / "labels" / "3.png")
    scorer = Scorer(Evaluation(toy()), segmenter=by_shade())
    with pytest.raises(UserError, match=message):
        scorer.score(folders / "fake", folders / "real", labels=folders / "labels")
