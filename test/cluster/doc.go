// Package cluster runs a Kubernetes cluster of several nodes on one machine, for the end-to-end tests, the demo and
// benchmarks. Tests can cut a node's power, its cables, and its connection to another node.
//
// A node is a tree of processes in its own namespaces and control groups, with a network stack and a disk. The switch
// that connects the nodes is a namespace with a bridge for each of five segments:
//
//	nodes     control-plane (10.90.0.10)  worker-1 (.11)  worker-2 (.12)     eth0
//	lan       router (192.168.50.10, fd50::10)  worker-1  worker-2           eth0, lan0, lan0
//	wan       isp (203.0.113.9, 2001:db8:113::9)  worker-1  worker-2         eth0, wan0, wan0
//	office    client (192.168.60.10, fd60::10)  router (.1)                  eth0, eth1
//	internet  server (192.0.2.9, 2001:db8:2::9)  isp (.1)               eth0, eth1
//
// The client reaches the server through router, firewall and isp. Those two routers are also the hosts on the
// firewall's own segments.
//
// Everything is real except the kernel, which all nodes share, and the power cut: data that a program wrote is on the
// disk afterwards, synchronized or not. The machine itself stays unchanged: no interface, route, firewall rule, mount
// or kernel setting. The machine reaches the API server at the console, a port on 127.0.0.1 that forwards connections
// into the control plane's network. It also works while the control plane is cut off from every node.
//
// Open finds the programs, Up starts everything, Down removes it. Every operation may be repeated. An error names the
// remedy. The command `cluster` is the command line of this package. The product does not import it.
package cluster
