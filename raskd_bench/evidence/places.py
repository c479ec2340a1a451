"""Names of what a campaign leaves on disk."""

FOLDER = "overhead"  # beside the Records of its suite and machine
FINGERPRINTS = "fingerprints.json"
PLANS = "plan-*.json"
CURRENT = "current.json"  # which plan the suite has now
