"""SQL: tables, rows as records, leases, retention."""
