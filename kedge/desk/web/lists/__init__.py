"""Lists of everything the desk keeps: paged, sorted, filtered, exported, and linked with one another."""
