"""Where alerts go: the service's log, and webhooks. The actors know the port alone."""
