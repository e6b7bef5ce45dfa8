"""How a process of the desk stands with whoever keeps it running: a service manager, and its own watchdog."""
