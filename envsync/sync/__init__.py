"""From a lock's pins to an environment: what it is to hold, what is there, made so."""
