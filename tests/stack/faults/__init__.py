"""Every fault we could think of, done to real mail servers, bare and supervised, and the result."""
