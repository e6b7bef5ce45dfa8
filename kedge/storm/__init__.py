"""Storms: the real runtime, engine and journal protocol in a world whose every choice comes from a seed.

Reading order: `world` (what exists and what may befall it), `venue` (an exchange behind lossy wires),
`crowd` (others who trade there), `checks` (what must hold, judged from outside), `people` (commands at any
time), `mutants` (planted faults that the checks must catch), `run` (many seeds, the report).
"""
