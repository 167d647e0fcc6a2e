// Package process tells processes apart for certain, ends them, and runs commands inside the hosts of the test cluster.
package process
