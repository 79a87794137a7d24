"""`tricorn translate`: another server's command as tricorn's. Imports settings only."""
