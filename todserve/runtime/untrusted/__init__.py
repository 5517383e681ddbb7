"""What strangers wrote, read within limits: YAML, JSON, archives, databases, patterns."""
