"""A day of the bank's traffic, and the flow logs that Azure would have written of it.

Who talks to whom is drawn (`business`, `attacks`); what the rules make of it is asked of a judge
(`passages`); which interface writes which tuple of it follows from both (`sightings`, `tuples`).
"""
