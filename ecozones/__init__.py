"""Check sites, plans and restoration projects against the three zones and three lines of territorial planning."""
