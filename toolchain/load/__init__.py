"""Loading apps, and what else there is to do with a device: list, delete, enrol, check."""
