"""Times training, search and inference: another name of `python -m benchmarks`."""

from benchmarks.__main__ import main

if __name__ == "__main__":
    main()
