"""The rules of reconciliation as pure functions over Decimal values: no I/O, no clock, no randomness (I1, I2).

Instants are whole microseconds: `..._us` on the monotonic clock, `..._at` as UTC microseconds since 1970.
"""
