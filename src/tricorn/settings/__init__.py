"""Every option once, where its value comes from, and the validated values."""
