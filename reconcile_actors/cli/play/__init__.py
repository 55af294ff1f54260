"""The demo's play: simulated exchanges, trading processes that report as real ones do, what goes wrong, and what is seen of it."""
