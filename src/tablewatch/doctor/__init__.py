"""What is wrong with the databases behind the tables, the smtpd.conf, and the host; read-only."""
