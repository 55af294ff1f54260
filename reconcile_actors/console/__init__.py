"""The daemon's HTTP API on a Unix socket: views (pure) and a server that sends messages only."""
