"""A sheet: conversations as rows of CSV or JSON lines, with a map of what its columns are."""
