"""The monitor on the bus: what a page shows comes from topics, what persons do goes to one."""
