// Package vpn runs strongSwan's IKE daemon charon in the container vpn. It makes charon have the tunnels of the
// firewall's document, and follows the role of the unit. Only IKEv2 is used.
//
//	charon.go    the daemon, for package supervisor
//	settings.go  what charon reads at its start
//	prepare.go   what happens before a start of charon, and when its settings change
//	choice.go    who encrypts packets
//	files.go     the tunnels of the document
//	session.go   commands to charon over its control socket (VICI)
//	ha.go        commands to charon's plugin ha, and to the sidecar that relays its messages
//	role.go      the role of the unit
//	keeper.go    the loop that compares what is wanted with what charon has
//	lead.go      what an active unit does with tunnels, and what a standby does
//	users.go     users who were removed, and how many are connected
//	takeover.go  new keys after a failover
//	spread.go    new keys of tunnels that can wait for them
//	linger.go    the end of an active unit
package vpn
