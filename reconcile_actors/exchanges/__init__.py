"""The exchanges as the rest sees them: a port, and gateways that turn wire data into valid snapshots or named reasons."""
