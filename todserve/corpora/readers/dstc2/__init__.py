"""DSTC2: telephone calls about restaurants of Cambridge."""
