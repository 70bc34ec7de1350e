"""What backends and databases say, what it means, what to do about it, and how it may be shown.

The knowledge itself is data: :mod:`~tablewatch.knowledge.signatures` (lines of the official
backends), :mod:`~tablewatch.knowledge.texts` (errors of databases) and
:mod:`~tablewatch.knowledge.repairs`; :mod:`~tablewatch.knowledge.own` is what the administrator has
added. :mod:`~tablewatch.knowledge.classify` applies it to a line,
:mod:`~tablewatch.knowledge.catalogue` has it by id; :mod:`~tablewatch.knowledge.masking` takes out
of a line what nobody may see.
"""
