"""What people do by hand, on pages or by the API: each act whole, with its events in the audit log, in one transaction."""
