"""The server part that the simulators share: HTTPS, routes, faults, counters, control, certificates."""
