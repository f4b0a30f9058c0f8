"""Exposure cases for scanners of Azure networks: README.md beside this file says how to use them.

`python -m conformance.write DIR` writes the cases in the forms that scanners read;
`python -m conformance.run` asks the scanners that are installed and prints how they did.
"""
