"""What is done to this repository by hand now and then."""
