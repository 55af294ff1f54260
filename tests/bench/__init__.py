"""What the service costs beside the bare thing: `python -m tests.bench`, which `make bench` runs. No part of `make check`."""
