"""Orders: what people's words alone ask of the belief state, a module for each kind of order."""
