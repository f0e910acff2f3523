"""Third parties' authentication classes, a module each.

`make bench-contenders` installs the packages. The lab imports these modules without
them and before it sets Django up.
"""
