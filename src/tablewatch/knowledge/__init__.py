"""What backends and databases say, what it means, and how it may be shown.

The knowledge itself is data: :mod:`~tablewatch.knowledge.signatures` (lines of the official
backends) and :mod:`~tablewatch.knowledge.texts` (errors of databases).
:mod:`~tablewatch.knowledge.classify` applies it to a line;
:mod:`~tablewatch.knowledge.masking` takes out of a line what nobody may see.
"""
