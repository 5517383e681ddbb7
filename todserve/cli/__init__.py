"""The verbs of ``tod``, by what they are for. Each imports its room only when it is called."""
