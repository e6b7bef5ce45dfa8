"""T-Invest (the Moscow Exchange by T-Bank's gRPC interface): `client.py` first."""
