// Package process identifies and ends processes reliably, and runs commands inside the hosts of the test cluster.
package process
