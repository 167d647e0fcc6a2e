// Package report turns figures of the firewall's report into metrics of the sidecar. The firewall itself serves none.
package report
