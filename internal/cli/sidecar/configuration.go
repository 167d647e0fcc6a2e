package sidecar

import (
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/delivery"
	"github.com/hapair-io/hapair/internal/firewall/enforcement"
	"github.com/hapair-io/hapair/internal/firewall/report"
	"github.com/hapair-io/hapair/internal/sidecar"
)

// newConfiguration gives the unit the delivery of documents to its firewall. If it knows the firewall, the unit also
// gets what verifies that their rules are in force.
func (o sidecarOptions) newConfiguration(
	config *sidecar.Config, pair contract.Settings, replica delivery.Replica, kernel enforcement.Kernel,
	registry prometheus.Registerer,
) {
	d := delivery.Config{
		GivenFile: o.givenDocument, FirewallFile: o.firewallDocument, Replica: replica,
		Log: config.Log.WithName("configuration"),
	}
	if !pair.ThirdPartyFirewall {
		rules := enforcement.New(enforcement.Config{
			Kernel: kernel, AcceptedFile: filepath.Join(o.stateDirectory, "firewall-accepted.json"),
			Metrics: enforcement.NewMetrics(registry), Log: config.Log.WithName("rules"),
		})
		d.Expect, config.Rules = rules.Expect, rules
		report.NewGatewayMetrics(registry, contract.GatewayCountsFile(o.firewallStatus))
	}
	config.Configuration = delivery.New(d)
}
