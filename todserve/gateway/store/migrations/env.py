"""Run by Alembic: applies the changes on the connection that ``database`` hands over."""

from alembic import context

from todserve.gateway.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can take back a table it has made; Alembic assumes that it cannot.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
