"""What people see: the live monitor."""
