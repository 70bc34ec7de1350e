"""tablewatchd: one per host; asks the supervisors and shows what they say."""
