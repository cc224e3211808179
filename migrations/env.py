"""Run by alembic for `app.store.migrate`, which hands its connection over; each migration is one transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
