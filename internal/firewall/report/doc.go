// Package report turns figures that the firewall writes into metrics of the sidecar. They are those of its report, and
// the counts of its application gateways. The firewall itself serves none, and does not link the library of metrics.
package report
