"""Side-by-side benchmarks: every ratio comes from one run on one machine.

Each module measures one promise, has a `measure()` that returns its figures, and runs by itself:
`python -m bench.verify --json` prints them as one JSON object on the last line.
`python -m bench` (which is `make bench`) runs them all and prints one table.
"""
