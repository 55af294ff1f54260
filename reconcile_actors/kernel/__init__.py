"""A small actor kernel on Pykka: behaviours, hosts that run them, supervision, circuit breaking. It knows no finance."""
