"""What an attacker tries, point by point: the table of docs/threats.md."""
