package frr

import (
	"fmt"
	"slices"
	"strings"
)

// supportedProtocols returns the names of all protocols, which package configuration uses too.
func supportedProtocols() []string { return []string{"bgp", "ospf", "ospf6", "rip", "ripng"} }

// baseDaemons returns the daemons of every container. Mgmtd has the configuration of zebra, ripd and ripngd, and zebra
// has the routes.
func baseDaemons() []string { return []string{"mgmtd", "zebra"} }

// daemonsOf returns the daemons for protocols, without repetition.
func daemonsOf(protocols []string) ([]string, error) {
	daemons := baseDaemons()
	for _, protocol := range protocols {
		if !slices.Contains(supportedProtocols(), protocol) {
			return nil, fmt.Errorf("unknown protocol %q: want %s", protocol, strings.Join(supportedProtocols(), ", "))
		}
		if daemon := protocol + "d"; !slices.Contains(daemons, daemon) {
			daemons = append(daemons, daemon)
		}
	}
	return daemons, nil
}
