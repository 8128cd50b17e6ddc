"""From findings to alarms: the catalogue, the life cycle, who is most urgent."""
