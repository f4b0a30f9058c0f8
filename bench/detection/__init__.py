"""How well attacks are found: labelled traffic of an enterprise, and the report card made with it.

What the traffic is like, and what is an attack in it, was decided before any detection was run on
it: from what tools do by default and from captures of real flow logs. Nothing here knows a
threshold of FlowVerdict's.
"""
