from ganc.report.numbers import si, significant, times


def test_numbers():
    assert [si(v) for v in (0, 12, 999.9, 97531, 31_600_000, 2.5e9)] == [
        "0",
        "12.0",
        "1.00 k",
        "97.5 k",
        "31.6 M",
        "2.50 G",
    ]
    assert [significant(v) for v in (0.03381, 9.999, 123456.0, -0.5)] == [
        "0.0338",
        "10.0",
        "123456",
        "-0.500",
    ]
    assert [times(v) for v in (2.04, 99.4, 99.6)] == ["2.0×", "99.4×", "100×"]
