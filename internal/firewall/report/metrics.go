package report

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/contract"
)

// Metrics are those of the firewall's report. docs/metrics.md has the meaning of each.
type Metrics struct {
	status                  atomic.Pointer[contract.FirewallStatus]
	groups, sources, routes *prometheus.Desc
	refused                 *prometheus.Desc
	// Those of DNS names.
	resolved, failing, overdue *prometheus.Desc
	// Those of the DHCP server.
	leases, addresses, requests *prometheus.Desc
	// Those of the DNS forwarder.
	questions, upstream, foreign, cache *prometheus.Desc
}

// NewMetrics returns metrics that start at zero, and registers them.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("hapair", "multicast", name), help, labels, nil)
	}
	describeNames := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("hapair", "names", name), help, nil, nil)
	}
	describeDHCP := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("hapair", "dhcp", name), help, labels, nil)
	}
	describeDNS := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("hapair", "dns", name), help, labels, nil)
	}
	m := &Metrics{
		questions: describeDNS("queries_total", "Questions of hosts by DNS.", "result"),
		upstream:  describeDNS("upstream_queries_total", "Questions to other DNS servers.", "result"),
		foreign:   describeDNS("upstream_foreign_total", "Messages that came instead of an answer."),
		cache:     describeDNS("cache_entries", "Answers in the cache of the DNS forwarder."),

		leases:    describeDHCP("leases", "Addresses that hosts have by DHCP."),
		addresses: describeDHCP("addresses", "Addresses that hosts can get by DHCP."),
		requests:  describeDHCP("requests_total", "Requests of hosts by DHCP.", "result"),

		groups:  describe("groups", "Memberships of multicast groups."),
		sources: describe("sources", "Sources of these memberships."),
		routes:  describe("routes", "Multicast streams that have a route."),
		refused: describe("refused_total", "Reports of hosts and streams that did not fit.", "kind"),

		resolved: describeNames("resolved", "DNS names whose last question was answered."),
		failing:  describeNames("failing", "DNS names whose last question was not answered."),
		overdue:  describeNames("overdue_addresses", "Addresses of names that stay after their lifetime."),
	}
	m.status.Store(&contract.FirewallStatus{})
	registerer.MustRegister(m)
	return m
}

// Set makes the metrics those of a report.
func (m *Metrics) Set(status contract.FirewallStatus) { m.status.Store(&status) }

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.groups, m.sources, m.routes, m.refused, m.resolved, m.failing, m.overdue, m.leases, m.addresses, m.requests,
		m.questions, m.upstream, m.foreign, m.cache,
	} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(metrics chan<- prometheus.Metric) {
	status := m.status.Load()
	counts, names, dhcp, dns := status.Multicast, status.Names, status.DHCP, status.DNS
	for _, c := range []struct {
		description *prometheus.Desc
		kind        prometheus.ValueType
		value       int
		labels      []string
	}{
		{m.groups, prometheus.GaugeValue, counts.Groups, nil},
		{m.sources, prometheus.GaugeValue, counts.Sources, nil},
		{m.routes, prometheus.GaugeValue, counts.Routes, nil},
		{m.refused, prometheus.CounterValue, counts.RefusedReports, []string{"Report"}},
		{m.refused, prometheus.CounterValue, counts.RefusedRoutes, []string{"Stream"}},
		{m.resolved, prometheus.GaugeValue, names.Resolved, nil},
		{m.failing, prometheus.GaugeValue, names.Failing, nil},
		{m.overdue, prometheus.GaugeValue, names.Overdue, nil},
		{m.leases, prometheus.GaugeValue, dhcp.Leases, nil},
		{m.addresses, prometheus.GaugeValue, dhcp.Addresses, nil},
		{m.requests, prometheus.CounterValue, dhcp.Acknowledged, []string{"Acknowledged"}},
		{m.requests, prometheus.CounterValue, dhcp.Refused, []string{"Refused"}},
		{m.requests, prometheus.CounterValue, dhcp.Exhausted, []string{"Exhausted"}},
		{m.requests, prometheus.CounterValue, dhcp.Conflicts, []string{"Conflict"}},
		{m.requests, prometheus.CounterValue, dhcp.Ignored, []string{"Ignored"}},
		{m.requests, prometheus.CounterValue, dhcp.Informed, []string{"Informed"}},
		{m.questions, prometheus.CounterValue, int(dns.Known), []string{"Known"}},
		{m.questions, prometheus.CounterValue, int(dns.Cached), []string{"Cached"}},
		{m.questions, prometheus.CounterValue, int(dns.Forwarded), []string{"Forwarded"}},
		{m.questions, prometheus.CounterValue, int(dns.Failed), []string{"Failed"}},
		{m.questions, prometheus.CounterValue, int(dns.Refused), []string{"Refused"}},
		{m.questions, prometheus.CounterValue, int(dns.Strangers), []string{"Stranger"}},
		{m.questions, prometheus.CounterValue, int(dns.Dropped), []string{"Dropped"}},
		{m.upstream, prometheus.CounterValue, int(dns.UpstreamAnswers), []string{"Answered"}},
		{m.upstream, prometheus.CounterValue, int(dns.UpstreamFailures), []string{"Failed"}},
		{m.foreign, prometheus.CounterValue, int(dns.Foreign), nil},
		{m.cache, prometheus.GaugeValue, dns.CacheEntries, nil},
	} {
		metrics <- prometheus.MustNewConstMetric(c.description, c.kind, float64(c.value), c.labels...)
	}
}
