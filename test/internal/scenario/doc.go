// Package scenario runs the main scenario of hapair on a running cluster: a connection is opened through the active
// firewall, the active unit is removed, and the connection continues. It measures each step from outside: on the hosts
// of both sides, in the standby's kernel and at the API server. It does not rely on what the product reports.
//
// The demo prints the reports, and the cluster tests assert on them. Package chaos uses the same setup.
package scenario
