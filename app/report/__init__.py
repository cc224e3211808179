"""What people are shown of money: statements, invoices, profit."""
