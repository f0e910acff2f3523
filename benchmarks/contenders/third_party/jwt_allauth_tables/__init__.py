"""An app that makes `migrate` see django-jwt-allauth's tables.

The library defines them outside of its models.py and ships no migrations. In a project its URLconf
imports them, and `makemigrations` writes the migrations.
"""
