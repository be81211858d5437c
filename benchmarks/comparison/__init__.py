"""The comparison with other libraries behind `./dev bench`; ../compare.py starts it. Python's standard library only."""
