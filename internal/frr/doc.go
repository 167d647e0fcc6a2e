// Package frr runs the daemons of FRR in the container routing. It writes their first configuration, and asks each over
// its terminal socket whether it works.
package frr
