"""The process smtpd starts: the only place with an event loop, children, signals and a clock."""
