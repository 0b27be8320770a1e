import pytest

from ganc import cli, info
from ganc.metrics import cost
from ganc.models import resnet, store
from ganc.types import Model


@pytest.fixture
def stored(tmp_path, random_params):
    made = resnet.generator(resnet.Spec(2, blocks=3))
    path = tmp_path / "model"
    store.save(path, Model(made, random_params(made), (2,) * 8), {"shape": [32, 64, 3]})
    return path


def test_a_card_says_what_is_known_and_asks_for_the_rest(stored):
    text = (stored / "README.md").read_text()
    header = text.split("---")[1].splitlines()
    assert {"license: unknown", "library_name: ganc", "pipeline_tag: image-to-image"} <= set(header)
    made = resnet.generator(resnet.Spec(2, blocks=3))
    assert "# resnet 2_2_2_2_2_2_2_2" in text
    assert f"| parameters | {cost.params(made)(made.widths):,} |" in text
    assert "32x64 px; multiples of 4 from 8 px up" in text
    assert "None are on record." in text and "of the teacher that it was distilled from:" in text


def test_what_is_added_later_is_on_the_card_and_the_weights_stay(stored):
    before = store.load(stored)
    name = "kid[lite0@128,last,report9-vs-real9]"
    store.describe(
        stored,
        scores={name: 0.25, "psnr[last,report9-vs-truth]": None},
        intervals={name: [0.2, 0.3]},
        macs={"published": 1234},
        teacher_sha256="abc",
    )
    text, after = (stored / "README.md").read_text(), store.load(stored)
    assert f"| `{name}` | 0.25 | 0.2 to 0.3 |" in text and "published 1,234" in text
    assert "| teacher, SHA-256 of its parameters | abc |" in text
    assert store.read_about(stored)["shape"] == [32, 64, 3]
    assert after.params["stem"]["kernel"].tobytes() == before.params["stem"]["kernel"].tobytes()
    assert after.arch == before.arch


def test_info_prints_the_same(stored, capsys):
    store.describe(stored, scores={"l1[last]": 0.5}, run="today")
    cli.run(info.main, [str(stored)])
    output = capsys.readouterr().out
    made = resnet.generator(resnet.Spec(2, blocks=3))
    size = f"directory: {4 * int(cost.params(made)(made.widths)):,}\n"
    for text in ("2_2_2_2_2_2_2_2", "32x64 px", "l1[last]", "0.5", "today", size):
        assert text in output
    with pytest.raises(SystemExit) as end:
        cli.run(info.main, [str(stored / "no")])
    assert end.value.code == 2 and "no file or directory" in capsys.readouterr().err
