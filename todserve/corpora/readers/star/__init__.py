"""STAR: thirteen domains, with what the wizard queried."""
