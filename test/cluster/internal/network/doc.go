// Package network creates the network between the hosts of the test cluster: network namespaces, the switch with its
// bridges, the cables, and cuts, which separate two nodes.
//
// All state is in the kernel: cuts and unplugged cables are read back from the switch. Functions that create something
// accept that it exists, and functions that remove something accept its absence. Package cluster is the only caller.
package network
