// Package network builds what joins the hosts of the test cluster: network namespaces, the switch with its bridges, the
// cables in between, and cuts, which are pairs of nodes that the switch keeps apart.
//
// It works on the kernel alone and keeps no state beside it: what is cut or unplugged is read back from the switch.
// Every function that makes something leaves it alone if it is there already, and every function that removes
// something takes its absence for success. Package cluster is the only caller.
package network
