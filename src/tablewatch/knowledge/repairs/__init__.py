"""What to do about each cause, by whose words it is known from.

A repair is attached to the errors it is for in :mod:`tablewatch.knowledge.texts` and
:mod:`tablewatch.knowledge.signatures`; :mod:`tablewatch.knowledge.repairs.silent` has those for
what leaves no line. Commands are for OpenBSD and Debian; settings are those of MariaDB 10.11, MySQL
8 and PostgreSQL 15 unless a note says otherwise.
"""
