// Package cluster is a Kubernetes of several nodes on one machine, whose nodes can lose their power, their cables and
// each other: what the end-to-end tests and the demo run on.
//
// A node is a tree of processes in namespaces and control groups of its own, with a network stack and a disk. The
// switch that joins the nodes is a namespace with a bridge for each of three segments:
//
//	nodes  control-plane (10.90.0.10)  worker-1 (.11)  worker-2 (.12)      eth0
//	lan    client (192.168.50.10, fd50::10)  worker-1  worker-2            eth0, lan0, lan0
//	wan    server (203.0.113.9, 2001:db8:113::9)  worker-1  worker-2       eth0, wan0, wan0
//
// Everything is real except the machine's kernel, which all nodes share, and the power cut, after which whatever a
// program had written is on the disk, synchronized or not. Nothing of the machine itself is changed: no interface,
// route, firewall rule, mount or kernel setting. The API server is reached from the machine at the console, a port on
// 127.0.0.1 that passes connections into the control plane's network; it works also while the control plane is cut
// off from every node.
//
// Open finds the programs, Up starts everything, Down ends it. Every operation may be repeated, and says what to do
// when it cannot be done. The command `cluster` is this package with flags. Nothing in the product imports it.
package cluster
