"""What a run of several processes rests on, in one process."""

import signal
import socket

import numpy as np
import pytest

from ganc import hosts
from ganc.errors import Preempted, UserError
from ganc.hosts.membership import parse, together
from ganc.hosts.mirror import mirrored, original
from ganc.hosts.preemption import postponed
from ganc.hosts.watch import Silence, _answers, missing


def test_one_process_is_alone():
    assert (hosts.count(), hosts.index(), hosts.leads()) == (1, 0, True)
    rows = np.arange(6.0).reshape(3, 2)
    assert hosts.gather(rows) is rows and hosts.first(rows) is rows
    assert hosts.agreed("text") == "text"
    assert hosts.everyone(True) and not hosts.everyone(False)
    assert hosts.share(5) == range(5)


@pytest.mark.parametrize("length", [0, 1, 5, 6])
def test_shares_are_in_order_and_leave_nothing_out(monkeypatch, length):
    monkeypatch.setattr("ganc.hosts.exchange.count", lambda: 3)
    shares = []
    for index in range(3):
        monkeypatch.setattr("ganc.hosts.exchange.index", lambda index=index: index)
        shares.append(list(hosts.share(length)))
    assert sum(shares, []) == list(range(length))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_what_distributed_takes():
    assert parse("auto") == {}
    assert parse("10.0.0.7:4000,1,2") | {"cluster_detection_method": ""} == {
        "coordinator_address": "10.0.0.7:4000",
        "process_id": 1,
        "num_processes": 2,
        "cluster_detection_method": "",
    }
    for wrong in (
        "automatic",
        "host,0,2",
        "host:1,2,2",
        "host:1,-1,2",
        "host:1,0",
        "host:port,0,1",
    ):
        with pytest.raises(UserError, match="HOST:PORT,PROCESS,COUNT"):
            parse(wrong)


def test_a_silent_process_is_named_after_its_time():
    silence = Silence(3, now=0.0)
    for now in range(1, 8):
        signs = {0: str(now), 1: str(min(now, 2))}  # 1 stops at 2, 2 never speaks
        silence.hear(signs, float(now))
        expected = [p for p, last in ((1, 2), (2, 0)) if now > 1 and now - last > 4]
        assert silence.longer_than(4.0, float(now)) == expected
    assert missing([1, 2], 3, "gone").startswith(
        "1 and 2 of 3 are missing (gone); the same command"
    )


def test_whether_somebody_answers():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert not _answers(address)
        server.listen()
        assert _answers(address)


def test_a_workdir_of_one_process_is_its_own(tmp_path):
    with mirrored(tmp_path / "run") as place:
        assert place == tmp_path / "run" == original(place)
        assert not place.exists()


def test_a_termination_waits_for_the_checkpoint():
    before = signal.getsignal(signal.SIGTERM)
    with together():
        with pytest.raises(Preempted):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Preempted), postponed() as asked:
            assert not asked(1)
            signal.raise_signal(signal.SIGTERM)
            assert asked(2)
    assert signal.getsignal(signal.SIGTERM) == before
