"""What supervisors, daemon and tools say to each other, and how."""
