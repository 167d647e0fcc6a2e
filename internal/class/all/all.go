// Package all lists the classes that are built into the sidecar. A new class adds its factory here. The package decides
// nothing: the catalogue in package state has the facts about a class, and the settings choose which ones a pair uses.
package all

import (
	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/configuration"
	"github.com/hapair-io/hapair/internal/class/connectioncache"
	"github.com/hapair-io/hapair/internal/class/dynamicrouting"
	"github.com/hapair-io/hapair/internal/class/elements"
	"github.com/hapair-io/hapair/internal/class/expectations"
	"github.com/hapair-io/hapair/internal/class/neighbours"
	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/class/vpn"
	"github.com/hapair-io/hapair/internal/class/vpncounters"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/internal/state"
)

// Factories returns one factory for each class. The state of class Configuration and of the classes of providers lives
// in the process, so its owner passes it. The metrics of tunnels may be nil.
func Factories(current *configuration.Configuration, provided *table.Set, tunnels *vpn.Metrics) []class.Factory {
	return append(provided.Factories(),
		current.Factory(),
		connectioncache.Factory(),
		neighbours.Static(),
		neighbours.Dynamic(),
		elements.Factory(elements.Config{
			ID: state.DynamicAddressObjects, Table: plan.Table, Prefixes: []string{ruleset.DynamicAddressPrefix},
		}),
		expectations.FTP(),
		expectations.VoIP(),
		vpn.Factory(tunnels),
		vpncounters.Factory(),
		dynamicrouting.Factory(),
		pinholes(state.OracleSQLNet, document.HelperSQLNet),
		pinholes(state.RealAudio, document.HelperRealAudio),
		pinholes(state.RTSP, document.HelperRTSP), // It has none: ConnectionCache carries what RTSP opens.
	)
}

// pinholes returns the factory of the class of an application gateway.
func pinholes(id state.Class, gateway document.Helper) class.Factory {
	return elements.Factory(elements.Config{ID: id, Table: plan.Table, Prefixes: []string{plan.PinholePrefix(gateway)}})
}
