"""What every wire-level venue here is made of; the venues themselves are beside it, one folder each.

Reading order: `web` (the seam: what a venue answers, whatever carries it), `keeper` and `log` (its memory),
`faults` and `control` (the other door), `server` (sockets and the clock).
"""
