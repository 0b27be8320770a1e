import pytest

from ganc.pruning.schedule import Gradual, halfway

# Self-Supervised GAN Compression's schedule from 5 %: target -> sparsity after a share of the ramp,
# computed from the equation of Zhu and Gupta 2017.
GOLDEN = {
    0.25: (0.05, 0.1042, 0.1656, 0.225, 0.2469, 0.2498, 0.25),
    0.50: (0.05, 0.1719, 0.3102, 0.4437, 0.4930, 0.4995, 0.50),
    0.75: (0.05, 0.2397, 0.4547, 0.6625, 0.7391, 0.7493, 0.75),
    0.90: (0.05, 0.2803, 0.5414, 0.7938, 0.8867, 0.8992, 0.90),
}
SHARES = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1)


@pytest.mark.parametrize("target", GOLDEN)
def test_golden_values(target):
    schedule = Gradual(target, ramp=1000)
    found = [schedule.sparsity(int(share * 1000)) for share in SHARES]
    assert found == pytest.approx(GOLDEN[target], abs=6e-5)
    assert schedule.sparsity(5000) == target


def test_the_schedule_of_epochs():
    schedule = Gradual(0.5, ramp=9)
    expected = (0.05, 0.184, 0.2883, 0.3667, 0.4228, 0.4605, 0.4833, 0.4951, 0.4994, 0.5)
    assert [schedule.sparsity(t) for t in range(10)] == pytest.approx(expected, abs=6e-5)


def test_updates_are_due_until_the_target_is_reached():
    schedule = halfway(0.5, steps=100, updates=5)
    assert (schedule.every, schedule.ramp) == (10, 50)
    assert [step for step in range(100) if schedule.due(step)] == [0, 10, 20, 30, 40, 50]
    assert schedule.sparsity(50) == 0.5
    once = Gradual(0.5, ramp=0)
    assert [step for step in range(9) if once.due(step)] == [0] and once.sparsity(0) == 0.5


@pytest.mark.parametrize("wrong", [(1.0, 4, 1), (-0.1, 4, 1), (0.5, 5, 2), (0.5, 4, 0)])
def test_wrong_schedules_are_refused(wrong):
    target, ramp, every = wrong
    with pytest.raises(ValueError, match="must be"):
        Gradual(target, ramp, every=every)


def test_a_target_below_the_start_is_not_overshot():
    assert Gradual(0.02, ramp=10).sparsity(0) == 0.02
