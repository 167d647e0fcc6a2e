package sidecar

import (
	"slices"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi/schema"
	"github.com/hapair-io/hapair/internal/localapi/server"
	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/state"
)

// providersConfig configures the server of the local provider API: for the providers of the pair, and for the firewall.
func (o sidecarOptions) providersConfig(
	u unit, pair contract.Settings, parts replicationParts, replicating *engine.Engine, log logr.Logger,
) (server.Config, error) {
	schemas, err := schema.Published()
	if err != nil {
		return server.Config{}, err
	}
	return server.Config{
		Pair: pair.Pair, Namespace: pair.Namespace, Unit: string(u.name),
		Directory: o.providersDirectory,
		Providers: append(slices.Clone(pair.Providers), ownProviders(pair, state.Classes())...),
		Catalogue: state.Classes(), Tables: parts.provided, Schemas: schemas,
		Kernel:       map[state.Class]server.KernelClass{state.DynamicAddressObjects: parts.objects},
		Flush:        replicating.FlushClass,
		IsPeerInSync: func() bool { return replicating.Status().InSync },
		Metrics:      server.NewMetrics(parts.registry),
		Log:          log,
	}, nil
}

// ownProviders returns the operator's own programs that have a socket. The IKE daemon and the
// routing daemons only follow the role.
func ownProviders(pair contract.Settings, catalogue state.Catalogue) []contract.Provider {
	own := []contract.Provider{firewallProvider(catalogue)}
	if pair.VPN {
		own = append(own, contract.Provider{Name: contract.ProviderVPN})
	}
	if pair.DynamicRouting {
		own = append(own, contract.Provider{Name: contract.ProviderRouting})
	}
	return own
}

// firewallProvider returns the firewall as a provider. It runs as root, and publishes the classes of the catalogue that
// no third party can define.
func firewallProvider(catalogue state.Catalogue) contract.Provider {
	p := contract.Provider{Name: contract.ProviderFirewall}
	for _, row := range catalogue {
		if row.Provided && row.ID != state.Custom {
			p.Writes = append(p.Writes, row.Name)
		}
	}
	return p
}
