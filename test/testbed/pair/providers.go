package pair

import (
	"os"
	"path/filepath"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/members"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/schema"
	"github.com/hapair-io/hapair/internal/localapi/server"
	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/state"
)

// ProviderName is the provider of the tests, and ProviderClass the class that it may write besides the addresses of
// dynamic objects.
const (
	ProviderName  = "kea"
	ProviderClass = "leases"
)

// providersOf makes the directory of a unit with the sockets of providers, and returns it.
func (p *Pair) providersOf(unit string) string {
	p.t.Helper()
	directory := filepath.Join(p.directory, unit, "providers")
	for _, name := range []string{
		ProviderName, contract.ProviderFirewall, contract.ProviderVPN, contract.ProviderRouting,
	} {
		if err := os.MkdirAll(filepath.Join(directory, name), 0o755); err != nil {
			p.t.Fatal(err)
		}
	}
	return directory
}

// Socket returns the path of the socket of the provider at a unit.
func (u *Unit) Socket() string { return server.SocketOf(u.providers, ProviderName) }

// FirewallSocket returns the path of the socket of the default firewall at a unit.
func (u *Unit) FirewallSocket() string {
	return server.SocketOf(u.providers, contract.ProviderFirewall)
}

// newProviders returns the server of the local API of a unit's process.
func newProviders(
	s setup, tables *table.Set, objects nftables.Kernel, replicating *engine.Engine, log logr.Logger,
) (*server.Server, error) {
	schemas, err := schema.Published()
	if err != nil {
		return nil, err
	}
	return server.New(server.Config{
		Pair: pairName, Namespace: pairNamespace, Unit: s.Unit, Directory: s.ProvidersDirectory,
		Providers: []contract.Provider{
			{Name: ProviderName, UID: int64(os.Getuid()), Writes: []string{
				ProviderClass, state.DynamicAddressObjects.String(),
			}},
			{Name: contract.ProviderFirewall, UID: int64(os.Getuid()), Writes: []string{
				state.DHCPServer.String(), state.Multicast.String(), state.WANLoadBalancing.String(),
			}},
			{Name: contract.ProviderVPN, UID: int64(os.Getuid())},
			{Name: contract.ProviderRouting, UID: int64(os.Getuid())},
		},
		Catalogue: state.Classes(), Tables: tables, Schemas: schemas,
		Kernel: map[state.Class]server.KernelClass{
			state.DynamicAddressObjects: members.New(objects),
		},
		Flush:        replicating.FlushClass,
		IsPeerInSync: func() bool { return replicating.Status().InSync },
		Log:          log.WithName("providers"),
	}), nil
}

// shownRole returns a role of replication as providers know it.
func shownRole(role engine.Role) localapi.Role {
	switch role {
	case engine.RoleActive:
		return localapi.Active
	case engine.RoleStandby:
		return localapi.Standby
	default:
		return localapi.None
	}
}
