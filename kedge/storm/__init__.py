"""Storms: the real runtime, engine and journal protocol in a world whose every choice comes from a seed.

Reading order: `plan` (a world as data), `world` (what exists and in what order it goes), `engines` (what
befalls machines), `venue` and `door` (an exchange behind lossy wires, and who looks), `crowd` (others who
trade there), `people` (commands at any time), `weather` (all faults by name), `checks` and `fold` (what must
hold, judged from outside), `mutants` (planted faults), `run` and `crew` (many seeds, many hands), `sweep`,
`shrink`, `report`, `cli`.
"""
