// Package story plays the one story that hapair is for, on a cluster that runs: a connection is opened through the
// active firewall, the active is taken away, and the connection goes on. It measures every step on the outside, from
// the hosts on both sides, the standby's kernel and the API server, and believes nothing that the product says of
// itself.
//
// The demo prints it and the cluster tests assert on it.
package story
