package report

import (
	"sync/atomic"
	"unicode/utf8"

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
	// Those of links to the Internet.
	isUp, weight, ended *prometheus.Desc
}

// maxLinks bounds the links of a report, which another firewall may have written.
const maxLinks = 16

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
	describeLinks := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("hapair", "wan_link", name), help, []string{"link"}, nil)
	}
	m := &Metrics{
		isUp:   describeLinks("up", "Whether a link to the Internet is up."),
		weight: describeLinks("weight", "Share of a link in new connections, relative to the others."),
		ended:  describeLinks("ended_connections_total", "Connections that were ended because their link was down."),

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
		m.isUp, m.weight, m.ended,
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
	m.collectLinks(metrics, status.Links)
}

// collectLinks collects the metrics of links. A second link of one name is left out.
func (m *Metrics) collectLinks(metrics chan<- prometheus.Metric, links []contract.LinkStatus) {
	seen := map[string]bool{}
	for _, l := range links[:min(len(links), maxLinks)] {
		if seen[l.Name] || !utf8.ValidString(l.Name) {
			continue
		}
		seen[l.Name] = true
		up := 0.0
		if l.IsUp {
			up = 1
		}
		metrics <- prometheus.MustNewConstMetric(m.isUp, prometheus.GaugeValue, up, l.Name)
		metrics <- prometheus.MustNewConstMetric(m.weight, prometheus.GaugeValue, float64(l.Weight), l.Name)
		metrics <- prometheus.MustNewConstMetric(m.ended, prometheus.CounterValue, float64(l.Ended), l.Name)
	}
}
