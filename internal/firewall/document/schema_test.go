package document

import (
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

type schema = apiextensionsv1.JSONSchemaProps

// readSchema returns the schema of spec in the CRD of FirewallConfiguration.
func readSchema(t *testing.T) schema {
	t.Helper()
	text, err := os.ReadFile("../../../config/crd/hapair.io_firewallconfigurations.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	if crd.Spec.Names.Kind != Kind || crd.Spec.Group+"/"+crd.Spec.Versions[0].Name != APIVersion {
		t.Errorf("the CRD is of %s %s/%s", crd.Spec.Names.Kind, crd.Spec.Group, crd.Spec.Versions[0].Name)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
}

// bounds are the lengths that Validate checks, by the path of the list.
var bounds = map[path]int64{
	"spec.zones": maxZones, "spec.zones[].interfaces": maxInterfaces,
	"spec.addresses": maxAddresses, "spec.addresses[].members": maxMembers,
	"spec.services": maxServices, "spec.services[].ports": maxPorts,
	"spec.policies": maxPolicies, "spec.sourceNAT": maxNAT, "spec.destinationNAT": maxNAT,
	"spec.neighbours": maxNeighbours, "spec.multicast.downstream": maxDownstream,
	"spec.resolvers": maxResolvers, "spec.vpn.siteToSite": maxTunnels,
	"spec.vpn.remoteAccess.pools": maxPools, "spec.vpn.remoteAccess.users": maxRemoteUsers,
	"spec.vpn.remoteAccess.dnsServers": maxServers,
	"spec.routing.routes":              maxRoutes, "spec.routing.policyRoutes": maxPolicyRoutes,
	"spec.dhcp.networks": maxDHCPNetworks, "spec.dhcp.networks[].ranges": maxDHCPRanges,
	"spec.dhcp.networks[].reservations": maxReservations, "spec.dhcp.networks[].relays": maxRelays,
	"spec.dhcp.networks[].options.routers":         maxServers,
	"spec.dhcp.networks[].options.dnsServers":      maxServers,
	"spec.dhcp.networks[].options.ntpServers":      maxServers,
	"spec.dhcp.networks[].options.classlessRoutes": maxHostRoutes,
	"spec.routerAdvertisements.networks":           maxAdvertisedNetworks,

	"spec.dhcpv6.networks": maxAdvertisedNetworks, "spec.dhcpv6.networks[].dnsServers": maxServers,
	"spec.dhcpv6.networks[].searchDomains": maxSearchDomains, "spec.dhcpv6.networks[].ntpServers": maxServers,

	"spec.dns.listeners": maxDNSListeners, "spec.dns.upstreams": maxUpstreams, "spec.dns.forwarding": maxForwarding,
	"spec.dns.forwarding[].upstreams": maxUpstreams, "spec.dns.records": maxDNSRecords,
	"spec.dns.records[].addresses": maxRecordAddresses,
	"spec.wan.links":               maxWANLinks, "spec.wan.links[].gateways": familyCount,
	"spec.wan.links[].monitors": maxLinkMonitors,

	"spec.routing.dynamic.ospf.areas": maxAreas, "spec.routing.dynamic.ospf.areas[].interfaces": maxInterfaces,
	"spec.routing.dynamic.ospfv3.areas": maxAreas, "spec.routing.dynamic.ospfv3.areas[].interfaces": maxInterfaces,
	"spec.routing.dynamic.rip.interfaces": maxInterfaces, "spec.routing.dynamic.ripng.interfaces": maxInterfaces,
	"spec.routing.dynamic.ospf.redistribute": maxRedistribute, "spec.routing.dynamic.ospfv3.redistribute": maxRedistribute,
	"spec.routing.dynamic.rip.redistribute": maxRedistribute, "spec.routing.dynamic.ripng.redistribute": maxRedistribute,
	"spec.routing.dynamic.bgp.redistribute": maxRedistribute, "spec.routing.dynamic.bgp.neighbours": maxBGPNeighbours,

	"spec.routerAdvertisements.networks[].prefixes":      maxAdvertisedPrefixes,
	"spec.routerAdvertisements.networks[].dnsServers":    maxServers,
	"spec.routerAdvertisements.networks[].searchDomains": maxSearchDomains,
}

// minima are the least values of numbers, where that is not 1.
var minima = map[path]float64{
	"spec.wan.links[].intervalMilliseconds":  minLinkInterval,
	"spec.wan.links[].timeoutMilliseconds":   minLinkTimeout,
	"spec.dhcp.networks[].leaseSeconds":      minLeaseSeconds,
	"spec.vpn.siteToSite[].ike.rekeySeconds": minRekeySeconds,
	"spec.vpn.siteToSite[].esp.rekeySeconds": minRekeySeconds,
	"spec.vpn.remoteAccess.ike.rekeySeconds": minRekeySeconds,
	"spec.vpn.remoteAccess.esp.rekeySeconds": minRekeySeconds,

	"spec.dhcpv6.networks[].refreshSeconds": minRefreshSeconds,

	"spec.routing.dynamic.ospf.areas[].interfaces[].deadSeconds":   minDeadSeconds,
	"spec.routing.dynamic.ospfv3.areas[].interfaces[].deadSeconds": minDeadSeconds,
	"spec.routing.dynamic.bgp.neighbours[].holdSeconds":            minHoldSeconds,
	"spec.routing.dynamic.bgp.asn":                                 1, "spec.routing.dynamic.bgp.neighbours[].asn": 1,

	"spec.dns.upstreams[].timeoutMilliseconds":              minUpstreamTimeout,
	"spec.dns.forwarding[].upstreams[].timeoutMilliseconds": minUpstreamTimeout,

	"spec.dns.cache.entries": minCacheEntries, "spec.dns.cache.minSeconds": 1, "spec.dns.cache.maxSeconds": 1,
	"spec.dns.cache.negativeSeconds": 1,

	"spec.routerAdvertisements.networks[].mtu":                         minIPv6MTU,
	"spec.routerAdvertisements.networks[].intervalSeconds":             minIntervalSeconds,
	"spec.routerAdvertisements.networks[].lifetimeSeconds":             minIntervalSeconds,
	"spec.routerAdvertisements.networks[].prefixes[].validSeconds":     minPrefixSeconds,
	"spec.routerAdvertisements.networks[].prefixes[].preferredSeconds": minPrefixSeconds,
}

// maxima are the greatest values of numbers, where these are less than their type has.
var maxima = map[path]float64{
	"spec.wan.links[].weight":               maxLinkWeight,
	"spec.wan.links[].intervalMilliseconds": maxLinkInterval,
	"spec.wan.links[].timeoutMilliseconds":  maxLinkTimeout,
	"spec.wan.links[].failureThreshold":     maxLinkThreshold,
	"spec.wan.links[].successThreshold":     maxLinkThreshold,

	"spec.vpn.siteToSite[].deadPeerSeconds": maxDeadPeerSeconds,
	"spec.vpn.remoteAccess.deadPeerSeconds": maxDeadPeerSeconds,
	"spec.dhcp.networks[].leaseSeconds":     maxLeaseSeconds,

	"spec.dhcpv6.networks[].refreshSeconds": maxPrefixSeconds,

	"spec.routing.dynamic.ospf.areas[].interfaces[].authentication.id": maxKeyID,
	"spec.routing.dynamic.rip.interfaces[].authentication.id":          maxKeyID,
	"spec.routing.dynamic.bgp.asn":                                     maxASN,
	"spec.routing.dynamic.bgp.neighbours[].asn":                        maxASN,
	"spec.routing.dynamic.bgp.neighbours[].hops":                       maxHops,

	"spec.dns.upstreams[].timeoutMilliseconds":              maxUpstreamTimeout,
	"spec.dns.forwarding[].upstreams[].timeoutMilliseconds": maxUpstreamTimeout,

	"spec.dns.cache.entries": maxCacheEntries, "spec.dns.cache.minSeconds": maxCacheMinSeconds,
	"spec.dns.cache.maxSeconds": maxCacheSeconds, "spec.dns.cache.negativeSeconds": maxCacheSeconds,

	"spec.routerAdvertisements.networks[].intervalSeconds":             maxIntervalSeconds,
	"spec.routerAdvertisements.networks[].lifetimeSeconds":             maxRouterSeconds,
	"spec.routerAdvertisements.networks[].prefixes[].validSeconds":     maxPrefixSeconds,
	"spec.routerAdvertisements.networks[].prefixes[].preferredSeconds": maxPrefixSeconds,
}

// TestSchemaMatchesDocument keeps the API's schema and the types of this package from drifting apart.
func TestSchemaMatchesDocument(t *testing.T) {
	compareSchema(t, spec, readSchema(t), reflect.TypeFor[Document]())
}

func compareSchema(t *testing.T, at path, s schema, want reflect.Type) {
	t.Helper()
	switch want {
	case reflect.TypeFor[netip.Addr]():
		expect(t, at, s.Type, "string")
		return
	case reflect.TypeFor[Block](), reflect.TypeFor[netip.Prefix]():
		expect(t, at, s.Type, "string")
		return
	case reflect.TypeFor[PortRange]():
		expect(t, at, s.XIntOrString, true)
		return
	}
	switch want.Kind() {
	case reflect.Struct:
		compareObject(t, at, s, want)
	case reflect.Slice:
		expect(t, at, s.Type, "array")
		bound, found := bounds[at]
		if !found {
			bound = maxNames // the lists of names in policies and translations
		}
		if s.MaxItems == nil || s.MinItems == nil {
			t.Fatalf("%s has no bounds in the schema", at)
		}
		expect(t, at, *s.MaxItems, bound)
		expect(t, at, *s.MinItems, 1)
		compareSchema(t, at+"[]", *s.Items.Schema, want.Elem())
	case reflect.String:
		expect(t, at, s.Type, "string")
		var known []string
		if e, ok := reflect.Zero(want).Interface().(enum); ok {
			known = e.known()
		}
		var values []string
		for _, value := range s.Enum {
			values = append(values, strings.Trim(string(value.Raw), `"`))
		}
		expect(t, at, strings.Join(values, " "), strings.Join(known, " "))
	case reflect.Bool:
		expect(t, at, s.Type, "boolean")
	case reflect.Uint16:
		expect(t, at, s.Type, "integer")
		minimum, maximum := 1.0, 65535.0
		if strings.HasSuffix(string(at), ".mtu") {
			minimum = minMTU
		}
		if own, found := minima[at]; found {
			minimum = own
		}
		if own, found := maxima[at]; found {
			maximum = own
		}
		expect(t, at, *s.Minimum, minimum)
		expect(t, at, *s.Maximum, maximum)
	case reflect.Uint32:
		expect(t, at, s.Type, "integer")
		expect(t, at, *s.Minimum, minima[at])
		expect(t, at, *s.Maximum, maxima[at])
	default:
		t.Errorf("%s: no comparison for the type %s", at, want)
	}
}

func compareObject(t *testing.T, at path, s schema, want reflect.Type) {
	t.Helper()
	expect(t, at, s.Type, "object")
	fields := fieldsOf(want)
	for name := range s.Properties {
		if !slices.Contains(fields, name) {
			t.Errorf("%s is in the schema alone", at.field(name))
		}
	}
	for i, name := range fields {
		property, found := s.Properties[name]
		if !found {
			t.Errorf("%s is not in the schema", at.field(name))
			continue
		}
		if property.Default != nil {
			t.Errorf("%s has a default in the schema, and none in the document", at.field(name))
		}
		expect(t, at.field(name), slices.Contains(s.Required, name), isRequired(want.Field(i)))
		compareSchema(t, at.field(name), property, want.Field(i).Type)
	}
}

func expect[T comparable](t *testing.T, at path, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: the schema has %v, the document %v", at, got, want)
	}
}

// matches extracts the pattern of a rule such as self.matches('^a$').
var matches = regexp.MustCompile(`^self\.matches\('(.*)'\)$`)

func patternOf(t *testing.T, s schema) *regexp.Regexp {
	t.Helper()
	for _, rule := range s.XValidations {
		if m := matches.FindStringSubmatch(rule.Rule); m != nil {
			return regexp.MustCompile(m[1])
		}
	}
	t.Fatalf("no pattern in %v", s.XValidations)
	return nil
}

// Names that the API server admits are names that Validate accepts, and the other way round.
func TestSchemaMatchesNames(t *testing.T) {
	s := readSchema(t)
	zone := s.Properties["zones"].Items.Schema.Properties
	type name struct {
		schema  schema
		pattern *regexp.Regexp
	}
	names := map[string]name{
		"interface": {*zone["interfaces"].Items.Schema, interfacePattern},
		"neighbour": {s.Properties["neighbours"].Items.Schema.Properties["interface"], interfacePattern},
	}
	for list, property := range s.Properties {
		if property.Items != nil && list != "neighbours" && list != "resolvers" {
			names[list] = name{property.Items.Schema.Properties["name"], namePattern}
		}
	}
	for list, property := range s.Properties["routing"].Properties {
		if property.Items == nil {
			continue
		}
		names[list] = name{property.Items.Schema.Properties["name"], namePattern}
		names[list+" interface"] = name{property.Items.Schema.Properties["interface"], interfacePattern}
	}
	link := s.Properties["wan"].Properties["links"].Items.Schema.Properties
	names["link"], names["link interface"] = name{link["name"], namePattern}, name{link["interface"], interfacePattern}
	for what, n := range names {
		pattern, length := patternOf(t, n.schema), int(*n.schema.MaxLength)
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.StringMatching(`[a-cA0-1_-]{0,66}`).Draw(t, "name")
			admitted := len(text) >= 1 && len(text) <= length && pattern.MatchString(text)
			if accepted := n.pattern.MatchString(text); accepted != admitted {
				t.Fatalf("%s %q: admitted by the API server %t, accepted by Validate %t", what, text, admitted, accepted)
			}
		})
	}
}

// Every form of an address or port that Parse accepts is admitted by the API server.
func TestSchemaAdmitsBlocksAndPorts(t *testing.T) {
	s := readSchema(t)
	member := s.Properties["addresses"].Items.Schema.Properties["members"].Items.Schema
	port := s.Properties["services"].Items.Schema.Properties["ports"].Items.Schema
	admits := func(s *schema, text string) bool {
		return len(text) <= int(*s.MaxLength) && regexp.MustCompile(s.Pattern).MatchString(text)
	}
	for _, text := range []string{
		"0.0.0.0/0", "::/0", "::", "2001:DB8::1", "192.0.2.10-192.0.2.20", "192.0.2.10 - 192.0.2.20",
		"2001:0db8:0000:0000:0000:0000:0000:0001 - 2001:0db8:ffff:ffff:ffff:ffff:ffff:ffff",
	} {
		if _, err := ParseBlock(text); err != nil || !admits(member, text) {
			t.Errorf("%q: parsing: %v, admitted: %t", text, err, admits(member, text))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{0,5}-?[0-9]{0,6}`).Draw(t, "ports")
		if _, err := ParsePortRange(text); err == nil && !admits(port, text) {
			t.Fatalf("%q is a port to the parser and not to the API server", text)
		}
	})
}
