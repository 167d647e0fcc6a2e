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
		Leases: 9, Addresses: 10, Acknowledged: 11, Refused: 12, Exhausted: 13, Conflicts: 14, Ignored: 15, Informed: 27,
	}, DNS: contract.DNSCounts{
		Known: 16, Cached: 17, Forwarded: 18, Failed: 19, Refused: 20, Strangers: 21, Dropped: 22,
		UpstreamAnswers: 23, UpstreamFailures: 24, Foreign: 25, CacheEntries: 26,
	}, Links: []contract.LinkStatus{
		{Name: "fibre", IsUp: true, Weight: 16}, {Name: "cable", Ended: 17}, {Name: "fibre"}, {Name: "\xff"},
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
		"hapair_dhcp_requests_total{result=Informed}": 27,
		"hapair_dns_queries_total{result=Known}":      16, "hapair_dns_queries_total{result=Cached}": 17,
		"hapair_dns_queries_total{result=Forwarded}": 18, "hapair_dns_queries_total{result=Failed}": 19,
		"hapair_dns_queries_total{result=Refused}": 20, "hapair_dns_queries_total{result=Stranger}": 21,
		"hapair_dns_queries_total{result=Dropped}": 22, "hapair_dns_upstream_queries_total{result=Answered}": 23,
		"hapair_dns_upstream_queries_total{result=Failed}": 24, "hapair_dns_upstream_foreign_total": 25,
		"hapair_dns_cache_entries":       26,
		"hapair_wan_link_up{link=fibre}": 1, "hapair_wan_link_weight{link=fibre}": 16,
		"hapair_wan_link_ended_connections_total{link=fibre}": 0, "hapair_wan_link_up{link=cable}": 0,
		"hapair_wan_link_weight{link=cable}": 0, "hapair_wan_link_ended_connections_total{link=cable}": 17,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
