"""The capabilities as tools of the Model Context Protocol, so that an assistant can ask, and ask why."""
