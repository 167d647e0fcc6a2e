// Package routing keeps the routes and policy routes of the firewall's document in the kernel: static routes in the
// data plane's table, and for each policy route a table of its own with the rules that select it.
//
// The routes stand on a unit of any role, since a next hop needs no address of the unit on its link. What another
// program removes or changes is put back at once. What the kernel refuses is reported and tried again, and does not
// stop the other routes. The routes stay when the process ends.
//
// Package plan decides which routes a document means, and package dataplane, in the sidecar, owns the table with the
// connected routes. Package firewall calls this package after the rules of the document are in force.
package routing
