package sidecar

import (
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/contract"
)

// What providers write is validated against the schemas that hapair publishes.
func TestProvidersAreValidated(t *testing.T) {
	parts := replicationParts{registry: prometheus.NewRegistry()}
	config, err := sidecarOptions{}.providersConfig(unit{}, contract.Settings{}, parts, nil, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	if config.Schemas.Check("Multicast", "route/239.1.1.1/192.0.2.1", []byte(`{"in":7}`)) == nil {
		t.Error("a value that breaks the schema was accepted")
	}
}
