"""Third parties' authentication classes, a module each. Their packages are installed by `make bench-contenders`.

What the modules import at their top must be there without those packages and before Django is set up.
"""
