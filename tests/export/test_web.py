import io
import json
import os
import queue
import shutil
import subprocess
import tarfile
import threading
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from ganc import cli, serve
from ganc.data.labels import LabelMaps
from ganc.errors import UserError
from ganc.export.web import __main__ as program
from ganc.export.web import contents as showing
from ganc.export.web import runtime
from ganc.export.web.contents import contents, page
from ganc.metrics import cost
from ganc.models import munit, resnet, spade, stargan, store
from ganc.models.families import generator
from ganc.translate import translate
from ganc.types import Model

pytest.importorskip("onnx")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model():
    made = generator(resnet.Spec(4, blocks=3, separable=True, upsampling="resize"))
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(made.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: np.float32(rng.normal(0, 0.1, leaf.shape)), shapes)
    return Model(made, params, (4,) * 8)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A runtime that can't run."""
    path = tmp_path_factory.mktemp("npm") / f"{runtime.PACKAGE}-1.2.3.tgz"
    about = json.dumps({"name": runtime.PACKAGE, "version": "1.2.3"}).encode()
    parts = {"package.json": about} | {f"dist/{name}": name.encode() for name in runtime.FILES}
    with tarfile.open(path, "w:gz") as file:
        for name, data in parts.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    return path


def empty(spec):
    made = generator(spec)
    shapes = jax.eval_shape(made.init, jax.random.key(0))
    return Model(made, jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes))


def test_a_runtime_is_read_from_an_archive_or_a_folder(archive, tmp_path):
    version, files = runtime.read(archive)
    assert version == "1.2.3" and files == {name: name.encode() for name in runtime.FILES}
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    assert runtime.read(tmp_path / "package") == (version, files)
    assert runtime.find(archive.parent) == archive
    (tmp_path / "package" / "dist" / runtime.FILES[2]).unlink()
    with pytest.raises(UserError, match=r"is no onnxruntime-web.*npm pack onnxruntime-web@"):
        runtime.read(tmp_path / "package")
    with pytest.raises(UserError, match="neither here nor at --runtime; get it with: npm pack"):
        runtime.find(tmp_path)


def test_what_a_page_knows_of_models():
    small, large = (empty(resnet.Spec(width, blocks=3)) for width in (4, 8))
    about = {"shape": [32, 64, 3], "data": "earth:satellite-relief"}
    shown = contents([large, small], large, about, None)
    said = page(shown, "t", [("a", 1), ("b", 2), ("c", 3)], ["examples/0.png"])
    assert [row["file"] for row in said["students"]] == ["a", "b"]  # the smaller one first
    macs = [int(cost.macs(m.generator, 32, 64)(m.generator.widths)) for m in (small, large)]
    assert [row["macs"] for row in said["students"]] == macs
    assert said["teacher"]["file"] == "c" and said["teacher"]["macs"] == macs[1]
    assert (said["size"], said["channels"], said["palette"]) == (64, 3, [])


def test_label_maps_have_colours_and_edges(monkeypatch):
    monkeypatch.setattr(showing, "costs", lambda *_: {})  # which take longer than all else here
    model = empty(spade.Spec(2, labels=11))
    for classes, edges in ((None, False), (10, True)):
        said = page(contents([model], None, {}, classes), "t", [("a", 1)], [])
        assert said["edges"] == edges and len({p["colour"] for p in said["palette"]}) == (
            classes or 11
        )
    earth = {"data": "earth:labels-satellite"}
    model = empty(spade.Spec(2, labels=10))
    said = page(contents([model], None, earth, None), "t", [("a", 1)], [])
    assert said["palette"][0] == {"name": "deep sea", "colour": "#78a7cd"}
    with pytest.raises(UserError, match="10 channels have 10 classes, or 9 and their edges"):
        contents([model], None, {}, 8)


def test_what_no_page_can_show_is_refused():
    picture, style = empty(resnet.Spec(2, blocks=3)), empty(munit.Spec(2, blocks=2, style_dim=3))
    with pytest.raises(UserError, match="take the same"):
        contents([picture], style, {}, None)
    with pytest.raises(UserError, match="stargan is given neither a picture nor a label map"):
        contents([empty(stargan.Spec(2, blocks=3))], None, {}, None)
    with pytest.raises(UserError, match="--classes is for"):
        contents([picture], None, {}, 3)


def test_mistakes_end_in_one_line_and_leave_nothing(model, archive, tmp_path, capsys):
    store.save(tmp_path / "model", model, {})
    (tmp_path / "there").mkdir()
    runtime_flag = ["--runtime", str(archive), "--no-check"]
    for arguments, message in (
        (["model"], "expected MODEL and OUT"),
        (["model", "there", *runtime_flag], "there exists"),
        (["no", "out", *runtime_flag], "holds no model"),
        (["model", "out", "--runtime", "model", "--no-check"], "is no onnxruntime-web"),
        (["model", "out", *runtime_flag, "--pictures", "there"], "there"),
    ):
        given = [
            str(tmp_path / a) if a in ("model", "there", "no", "out") else a for a in arguments
        ]
        with pytest.raises(SystemExit) as end:
            cli.run(program.main, given)
        error = capsys.readouterr().err
        assert end.value.code == 2 and message in error and error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "there"]


PROBE = """
import { encode } from "./pixels.js";
const pixels = (canvas) => [canvas.width, canvas.height,
  [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]];
const send = (body) => fetch("report", { method: "POST", body: JSON.stringify(body) });
window.addEventListener("error", (event) => send({ error: event.message }));
window.addEventListener("unhandledrejection", (event) => send({ error: String(event.reason) }));
document.addEventListener("drawn", () => {
  const after = document.querySelector("#student .after");
  const labels = document.createElement("canvas"), pen = labels.getContext("2d");
  Object.assign(labels, { width: 6, height: 5 });
  const palette = ["#ff0000", "#00ff00", "#0000ff"].map((colour) => ({ colour }));
  pen.fillStyle = "#ff0000"; pen.fillRect(0, 0, 6, 5);
  pen.fillStyle = "#10e020"; pen.fillRect(1, 2, 4, 2);
  pen.fillStyle = "#0000ff"; pen.fillRect(4, 1, 2, 2);
  const { labels: [type, values, shape] } = encode(labels, { palette, channels: 4, edges: true });
  send({ after: pixels(after), status: document.getElementById("status").textContent,
    device: document.getElementById("device").textContent, isolated: crossOriginIsolated,
    type, shape, labels: [...values] });
}, { once: true });
"""


class Probed(serve.Handler):
    """Serves a page with a script that reports what it drew."""

    def __init__(self, *args, reports, **kwargs):
        self.reports = reports
        super().__init__(*args, **kwargs)

    def do_GET(self):
        texts = {"/probe.js": PROBE}
        if self.path == "/":
            page = (Path(self.directory) / "index.html").read_text(encoding="utf-8")
            texts["/"] = page.replace(
                "<script", '<script type="module" src="probe.js"></script><script', 1
            )
        if self.path not in texts:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path == "/" else "text/javascript")
        self.end_headers()
        return self.wfile.write(texts[self.path].encode())

    def do_POST(self):
        self.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()


def browser():
    return next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


def real_runtime():
    try:
        return runtime.find(Path(os.environ.get("GANC_WEB_RUNTIME", ROOT)))
    except UserError:
        return None


@pytest.mark.skipif(browser() is None, reason="no Chromium")
@pytest.mark.skipif(real_runtime() is None, reason="no npm pack of onnxruntime-web")
def test_the_page_draws_what_translate_draws(model, tmp_path):
    blocks = np.random.default_rng(1).integers(0, 256, (7, 9, 3), np.uint8)
    picture = blocks.repeat(6, 0).repeat(6, 1)[:37, :50]
    (tmp_path / "pictures").mkdir()
    Image.fromarray(picture).save(tmp_path / "pictures" / "a.png")
    store.save(tmp_path / "model", model, {"shape": [32, 32, 3]})
    options = {"pictures": tmp_path / "pictures", "runtime": real_runtime(), "checked": False}
    lines = program.export([tmp_path / "model"], tmp_path / "page", **options)
    assert "ganc serve" in lines[-1]
    reports = queue.Queue()
    handler = partial(Probed, directory=str(tmp_path / "page"), reports=reports)
    with serve.Server((serve.HOST, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [browser(), "--headless", "--no-sandbox", "--disable-gpu"]
        command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]  # no network
        command += [f"--user-data-dir={tmp_path / 'profile'}", "--remote-debugging-port=0"]
        command += [f"http://{serve.HOST}:{server.server_port}/"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            try:
                report = reports.get(timeout=120)
            finally:
                run.terminate()
        server.shutdown()
    assert "error" not in report and report["status"] == "" and report["isolated"]
    assert "wasm" in report["device"]
    width, height, values = report["after"]
    made = np.asarray(values, np.uint8).reshape(height, width, 4)
    expected = translate(model, picture)
    assert made.shape[:2] == (37, 50) and (made[..., 3] == 255).all() and expected.std() > 3
    assert np.abs(made[..., :3].astype(int) - expected).max() <= 2
    classes = np.zeros((5, 6), int)
    classes[2:4, 1:5], classes[1:3, 4:6] = 1, 2
    maps = LabelMaps(3, instances=True).encode(np.stack([classes, classes], -1))
    assert report["shape"] == [1, 5, 6, 4] and report["type"] == "uint8"
    assert np.array_equal(np.reshape(report["labels"], (5, 6, 4)), maps)
