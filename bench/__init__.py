"""How fast Kedge is, measured beside what it is compared with, in one run on one machine.

    python -m bench              all of them; writes bench/RESULTS.md
    python -m bench NAME ...     some: durable peers decide idle start replay week storm gate
    python -m bench --tiny       the same code with sizes that show only that it works

Every budget is a ratio or a bound taken from medians over several rounds in which the contestants take
turns, because the machine is never quiet. Nothing here fails when a budget is missed: it says so.
"""
