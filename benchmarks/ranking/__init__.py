"""How good lists are: past windows, the classic protocol, what signals are worth, how near the oracle they come."""
