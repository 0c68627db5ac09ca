"""envsync: project environments that match their lock exactly."""
