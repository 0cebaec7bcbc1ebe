"""The query service (em_rest 10)."""
