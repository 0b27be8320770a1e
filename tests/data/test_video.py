import numpy as np
import pytest

from ganc import cli
from ganc import translate as program
from ganc.data.video import map_video
from ganc.errors import UserError
from ganc.models import resnet, store
from ganc.types import Model

av = pytest.importorskip("av")


def write(path, frames, rate=10):
    with av.open(str(path), "w") as made:
        track = made.add_stream("mpeg4", rate=rate)
        track.height, track.width, track.pix_fmt = *frames[0].shape[:2], "yuv420p"
        for frame in frames:
            made.mux(track.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        made.mux(track.encode())


def read(path):
    with av.open(str(path)) as given:
        stream = given.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in given.decode(stream)]
        return frames, float(stream.average_rate)


@pytest.fixture
def film(tmp_path):
    levels = (40, 120, 200)
    write(tmp_path / "in.mp4", [np.full((32, 48, 3), level, np.uint8) for level in levels])
    return tmp_path / "in.mp4"


def test_frames_are_changed_in_order(film, tmp_path):
    assert map_video(film, tmp_path / "out.mp4", lambda frame: 255 - frame) == 3
    frames, rate = read(tmp_path / "out.mp4")
    assert rate == 10 and [frame.shape for frame in frames] == [(32, 48, 3)] * 3
    np.testing.assert_allclose([frame.mean() for frame in frames], [215, 135, 55], atol=4)


def test_odd_sizes_lose_a_row_and_a_column(film, tmp_path):
    map_video(film, tmp_path / "out.mp4", lambda frame: frame[:31, :47])
    assert read(tmp_path / "out.mp4")[0][0].shape == (30, 46, 3)


def test_nothing_is_left_half_written(film, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "there.mp4").write_text("mine")
    calls = [("text.mp4", "out.mp4"), ("in.mp4", "there.mp4"), ("in.mp4", "out.unknown")]
    for source, out in calls:
        with pytest.raises(UserError, match=r"cannot make .* of|exists"):
            map_video(tmp_path / source, tmp_path / out, lambda frame: frame)
    with pytest.raises(RuntimeError):
        map_video(film, tmp_path / "out.mp4", lambda frame: exec("raise RuntimeError"))
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4", "text.mp4", "there.mp4"}
    assert (tmp_path / "there.mp4").read_text() == "mine"


def test_the_command(film, tmp_path, random_params, capsys):
    made = resnet.generator(resnet.Spec(2, blocks=3))
    store.save(tmp_path / "model", Model(made, random_params(made)), {})
    cli.run(program.main, [str(tmp_path / "model"), str(film), str(tmp_path / "o.mp4"), "--video"])
    assert "3 frames translated to" in capsys.readouterr().out
    assert len(read(tmp_path / "o.mp4")[0]) == 3
