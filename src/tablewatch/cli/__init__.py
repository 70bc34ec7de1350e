"""The administrator's command, ``tablewatch``: one module per subcommand."""
