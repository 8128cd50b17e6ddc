"""Who is watched: participants and groups; no samples."""
