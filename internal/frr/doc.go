// Package frr runs the daemons of FRR in the container routing. While the unit is active, they have the dynamic routing
// of the firewall's document. A standby runs none: the neighbours know only the addresses of the active unit.
//
//	daemons.go   the daemons, for package supervisor
//	protocols.go which daemon has which protocol
//	probe.go     the question whether a daemon works
//	vtysh.go     FRR's program that checks configurations and gives them to daemons
//	restart.go   what daemons of OSPF read at their start
//	routes.go    the learned routes in the kernel
//	run.go       the daemons of one configuration
//	keeper.go    the loop that compares what is wanted with what runs
package frr
