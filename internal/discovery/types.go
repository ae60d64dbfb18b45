package discovery

// Types returns the types of targets that there are.
func Types() []string { return []string{slack, pagerduty, rootly, webhook} }
