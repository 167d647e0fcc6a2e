package report

import (
	"fmt"
	"maps"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/contract"
)

func TestMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m := NewMetrics(registry)
	m.Set(contract.FirewallStatus{Multicast: contract.MulticastCounts{
		Groups: 1, Sources: 2, Routes: 3, RefusedReports: 4, RefusedRoutes: 5,
	}, Names: contract.NameCounts{Resolved: 6, Failing: 7, Overdue: 8}, DHCP: contract.DHCPCounts{
		Leases: 9, Addresses: 10, Acknowledged: 11, Refused: 12, Exhausted: 13, Conflicts: 14, Ignored: 15,
	}})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += fmt.Sprintf("{%s=%s}", label.GetName(), label.GetValue())
			}
			got[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	want := map[string]float64{
		"hapair_multicast_groups": 1, "hapair_multicast_sources": 2, "hapair_multicast_routes": 3,
		"hapair_multicast_refused_total{kind=Report}": 4, "hapair_multicast_refused_total{kind=Stream}": 5,
		"hapair_names_resolved": 6, "hapair_names_failing": 7, "hapair_names_overdue_addresses": 8,
		"hapair_dhcp_leases": 9, "hapair_dhcp_addresses": 10, "hapair_dhcp_requests_total{result=Acknowledged}": 11,
		"hapair_dhcp_requests_total{result=Refused}": 12, "hapair_dhcp_requests_total{result=Exhausted}": 13,
		"hapair_dhcp_requests_total{result=Conflict}": 14, "hapair_dhcp_requests_total{result=Ignored}": 15,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
