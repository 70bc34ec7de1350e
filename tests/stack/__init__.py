"""The real mail server, its table backends and a database, private to the tests.

The parts, from the bottom up:

``keeper``
    a small process that owns a private copy of a machine's file tree and everything started in it,
    and ends all of it when the test does
``world``
    the test's handle on a keeper
``chroot``
    builds and finds the Debian 13 tree that the text protocol needs
``mariadb``, ``smtpd``, ``client``
    the database server, the mail server, and somebody who talks to the mail server
``install``
    puts tablewatch where a mail server can run it
``requirements``
    what the machine lacks for all this
"""
