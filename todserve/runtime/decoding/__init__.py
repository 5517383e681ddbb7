"""What the network may write, and what it wrote: the constraint, questions, parsed generations."""
