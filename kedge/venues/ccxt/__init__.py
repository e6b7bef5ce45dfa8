"""The long tail: any exchange that ccxt knows, behind our own protocol, honest about what it cannot prove."""
