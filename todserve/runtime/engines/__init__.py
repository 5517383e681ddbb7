"""Engines: what runs the network. One folder for each, and here what they have in common.

``engine`` says what every engine does, ``engine_spec`` what may be asked of one and names them,
``engine_settings`` what the archive's YAML chooses, ``engine_choice`` opens what was chosen, and
``engine_export`` writes a checkpoint in an engine's form. How to add one: ``docs/engines.md``.
"""
