"""What is measured, on what, against whom; every script prints all three."""
