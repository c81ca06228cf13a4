"""The schema's history: one numbered pair of files a step, forward only."""
