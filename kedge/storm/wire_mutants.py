"""Planted faults of adapters: careless code at the wire. Each must be caught by a wire storm."""

from __future__ import annotations

from kedge.storm.mutants import Mutant

WIRE_MUTANTS: tuple[Mutant, ...] = ()
