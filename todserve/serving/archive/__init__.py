"""The .mar archive: laid out, packed, tried, and its checksum written."""
