class ConductorClient:
    pass
