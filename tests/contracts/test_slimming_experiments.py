"""GAN Slimming's experiments run end to end from the command line, and go on after a kill."""

import dataclasses
import signal
import time

import numpy as np
import pytest
from programs import compilation_cache, finish, rows, start, steps

from ganc.compression.launch import launch
from ganc.methods.budget import budget_of
from ganc.methods.sites import find_sites
from ganc.metrics import cost
from ganc.models import cartoon, store
from ganc.models.flat import params_sha256
from ganc.models.quantised import Quantisation, quantised
from ganc.recipes import cartoongan_slimming, cyclegan_slimming, slimming_ablation

assert compilation_cache  # a fixture of this file too
LEFT = {
    *("config.json", "metrics.jsonl", "results.jsonl", "samples.png", "report.html"),
    *("teacher", "student", "discriminator"),
}


def check_left(workdir):
    assert {path.name for path in workdir.iterdir()} >= LEFT
    found = rows(workdir)
    assert list(found) == ["teacher", "student"]
    for row in found.values():
        assert all(np.isfinite(value) for value in row["metrics"].values())
        model = store.load(workdir / row["name"])
        assert params_sha256(model.params) == row["params_sha256"]
    assert model.generator.quantisation.scheme == "deployable"
    file = workdir / "student" / "params.npz"
    assert found["student"]["bytes"] < file.stat().st_size < 0.5 * found["teacher"]["bytes"]
    return found


def test_a_killed_run_reaches_its_budget(tmp_path):
    flags = ("--preset", "smoke", "--workdir", str(tmp_path))
    process = start("cyclegan_slimming", *flags)
    while steps(tmp_path, "slim") < 1:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert "slim: 3 of 3, " in finish("cyclegan_slimming", *flags)
    found = check_left(tmp_path)
    assert '<section id="channels">' in (tmp_path / "report.html").read_text()
    budget = cyclegan_slimming.SMOKE.budget
    assert abs(found["student"]["macs"]["published"] / budget - 1) <= 0.03


def test_another_network_by_the_published_way(tmp_path):
    output = finish("cartoongan_slimming", "--preset", "smoke", "--workdir", str(tmp_path))
    assert "channels that stay: stem " in output and "for dead ones: " in output
    check_left(tmp_path)


def test_six_variants(tmp_path):
    found = slimming_ablation.variants(cyclegan_slimming.EARTH64, tmp_path)
    configs = {name: variant.config for name, variant in found.items()}
    assert len(configs) == 6
    assert not configs["distil"].prunes and configs["distil"].ngf == 12
    assert [configs[name].beta for name in ("prune", "prune_then_distil")] == [0, 0]
    assert [configs[name].tune_beta for name in ("prune", "prune_then_distil")] == [0, 20]
    assert configs["distil_then_prune"].student == str(tmp_path / "distil")
    assert list(configs).index("distil") < list(configs).index("distil_then_prune")
    kinds = [configs[f"slim_{name}_quantise"].quantise for name in ("then", "and")]
    assert kinds == ["after", "deployable"]
    budgets = {config.budget for name, config in configs.items() if name != "distil"}
    assert budgets == {cyclegan_slimming.EARTH64.budget}


def test_published_settings():
    """Wang et al. 2020 (arXiv 2008.11062), released code; epochs of 133 and 66, 153 and 76."""
    for name, (epoch, tuning, rho, begins) in {
        "horse2zebra-gs32": (133, 66, 0.0085, "teacher"),
        "summer2winter-gs32": (153, 76, 0.01, "random"),
    }.items():
        config = cyclegan_slimming.PRESETS[name]
        slim, tune = config.slim, config.fine_tune
        assert (slim.steps, tune.steps) == (200 * epoch, 200 * tuning)
        assert (slim.hold, tune.hold, slim.batch, tune.batch) == (epoch, tuning, 8, 16)
        assert (slim.learning_rate, tune.learning_rate) == (1e-5, 1e-4)
        assert (slim.scale_rate, slim.momentum, slim.weight_decay) == (0.1, 0.5, 1e-3)
        assert (slim.beta1, slim.beta2, slim.schedule) == (0.5, 0.999, "cosine")
        assert (config.beta, config.tune_beta, config.rho, config.student) == (20, 20, rho, begins)
        assert (config.distance.style, config.against, config.ndf) == (1e5, "teacher", 64)
        assert cyclegan_slimming.PRESETS[f"{name[:-2]}8"] == dataclasses.replace(
            config, quantise="paper"
        )


def test_what_47_times_takes_of_cartoongan():
    config = cartoongan_slimming.CARTOON
    generator = cartoon.generator(cartoon.Spec(config.train_teacher.ngf))
    full, weights = generator.widths, cost.weights(generator)
    assert int(weights(full)) == cartoongan_slimming.WEIGHTS == 11_114_880
    assert f"{4 * weights(full) / 2**20:.3f}" == "42.400"
    macs = cost.macs(generator, 256, 256, "convolutions")
    assert int(macs(full)) == 61_631_102_976 and f"{macs(full) / 2**30:.2f}" == "57.40"
    assert config.budget == 945_947
    small = quantised(generator, Quantisation(config.quantise))
    assert int(cost.size(small)(full)) == 11_174_132

    def least(trunk):
        sites = find_sites(generator, trunk=trunk)
        return sites, dict(full) | dict.fromkeys((site.group for site in sites), 1)

    _, whole = least(trunk=False)
    assert int(cost.size(small)(whole)) == 959_018 > config.budget
    assert int(cost.macs(generator, 256, 256)(whole)) == 7_569_211_392
    sites, slim = least(trunk=True)
    assert int(cost.size(small)(slim)) == 13_478
    control = budget_of(cost.size(small), full, sites, config.budget, lambda step: 0.1, 10)
    np.testing.assert_allclose(control.start, 11_174_132 / 945_947)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--budget", "1e5"), "--budget 1e+05 cannot be reached"),
        (("--budget", "1000x"), "cannot be reached"),  # of the teacher's 98 millions
        # Of the teacher as it is stored, in float32: more than the student's codes take.
        (("--budget", "2x", "--counted", "bytes"), "--budget 2.215e+06 cannot be reached"),
        (("--budget", "ten"), "such as 10x; got 'ten'"),
        (("--student", "no/such/run"), "no/such/run"),
        (("--discriminator", "no/such/one"), "no/such/one"),
        (("--features", "vgg16"), "valid are lite0, vgg16:FILE"),
    ],
)
def test_bad_flags_of_slimming_cost_one_line(tmp_path, flags, message, capfd):
    workdir = tmp_path / "run"
    with pytest.raises(SystemExit) as end:
        argv = ["--preset", "smoke", "--workdir", str(workdir), *flags]
        launch("cyclegan_slimming", cyclegan_slimming.PRESETS, cyclegan_slimming.run, argv)
    output = " ".join("".join(capfd.readouterr()).split())
    assert end.value.code == 2
    assert message in output and "Traceback" not in output
    assert not workdir.exists()
