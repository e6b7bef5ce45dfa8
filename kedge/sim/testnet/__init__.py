"""What every wire-level venue here is made of; the venues themselves are beside it, one folder each.

A venue is one class with `http`, `socket` and `tick` (`web`), a `house` that holds everything which is not
its dialect, and a function `make(setup)` (`house` shows the whole pattern). Reading order: `web` (the seam:
what a venue answers, whatever carries it), `house` (what a venue has), `keeper`, `drawer`, `log` and `store`
(its memory), `listings` and `markets` (what is traded, and what moves it), `bars` and `prints` (charts),
`keys` and `rates` (who may ask, and how much), `faults` and `faulty` (the weather), `control` (the other
door), `server` (sockets and the clock), `registry` (which venues there are).
"""
