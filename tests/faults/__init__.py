"""One test at least for each fault in docs/faults.md, at the level where the fault really happens."""
