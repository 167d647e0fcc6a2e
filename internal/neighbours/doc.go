// Package neighbours compares the static neighbours that other programs added with what the segments answer. A wrong
// one keeps the unit from a host or a next hop for good, because the kernel never asks again.
//
// It only reports. The author of an entry may distrust the answers, since any station can send them. So a wrong answer
// must not move the role either. Class ARP replicates the entries, and the peer would have the same.
//
// Package firewall/neighbours keeps the entries of the firewall's document, which this package leaves out. Package
// sidecar calls it.
package neighbours
