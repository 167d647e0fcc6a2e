package contract

import "net/netip"

// haPort is the UDP port with which the IKE daemon describes its SAs. It is built in (HA_PORT in ha_plugin.h).
const haPort = 4510

// IKEDaemon returns the address at which the IKE daemon receives descriptions of SAs. It is on the loopback of the pod.
func IKEDaemon() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), haPort)
}

// IKERelay returns the address at which the sidecar receives them. It listens there only if it replicates tunnels.
func IKERelay() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 2}), haPort)
}
