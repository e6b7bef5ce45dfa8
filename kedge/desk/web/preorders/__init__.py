"""Preorders as the desk keeps them: the Django application of what other systems sold and we hedge."""
