"""What tablewatchd shows over HTTP: metrics, status as JSON, health, and a page for people.

``server`` owns sockets and threads, ``connection`` one client, ``request`` turns bytes into
requests and answers into bytes, ``access`` says who may ask, ``routes`` what is answered; the rest
is the page. Only ``server`` and ``connection`` wait for anybody.
"""
