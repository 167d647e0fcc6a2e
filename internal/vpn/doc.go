// Package vpn runs strongSwan's IKE daemon charon in the container vpn. It writes charon's settings, and asks charon
// over its control socket (VICI) whether it works. Only IKEv2 is used.
package vpn
