from ganc.train.pace import Pace


class Clock:
    now = 0.0

    def __call__(self):
        return self.now

    def passes(self, seconds):
        self.now += seconds


def paced(making, stepping):
    clock = Clock()
    pace = Pace(workers=2, clock=clock)

    def make(step):
        clock.passes(making)
        return step

    for step in pace.waited(map(pace.timed(make), range(5))):
        clock.passes(100.0 if step == 0 else stepping)  # the first compiles
    return str(pace)


def test_the_rates_of_input_and_steps():
    # Two threads make two batches in half a second; waiting for one is no part of a step.
    assert paced(making=0.5, stepping=2.0) == "input 4 batches/s, steps 0.5/s"
    assert paced(making=8.0, stepping=2.0) == (
        "input 0.25 batches/s, steps 0.5/s; the input is what limits"
    )


def test_nothing_is_said_of_nothing():
    assert str(Pace(2)) == ""
