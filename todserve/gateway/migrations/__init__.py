"""The store's tables, change by change; applied at start by ``todserve.gateway.migrating``."""
