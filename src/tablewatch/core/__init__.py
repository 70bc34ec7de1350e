"""The supervisor without a process: events and the time in, actions out.

:class:`~tablewatch.core.table.TableCore` holds everything that decides about one table. It reads
no clock and does no input or output; the event loop in :mod:`tablewatch.supervisor`, the
simulator and the tests all drive the same object.
"""
