"""The crash oracle: load, kills, and the judgement over what the sender knows and what the platform
saw."""
