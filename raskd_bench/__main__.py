"""`python -m raskd_bench` is `raskd-bench`."""

from raskd_bench.cli import main

if __name__ == "__main__":
    main()
