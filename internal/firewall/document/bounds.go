package document

import "github.com/hapair-io/hapair/internal/contract"

// Bounds of a document. They are far beyond what people can oversee, and low enough that a ruleset at the bounds is
// applied within seconds. The schema of FirewallConfiguration has the same.
const (
	maxZones      = 32
	maxInterfaces = 32
	// maxAllInterfaces bounds the interfaces of all zones. The ruleset has a path between each two of them.
	maxAllInterfaces = 64
	// minMTU is the smallest length of a packet that every link carries.
	minMTU       = 576
	maxAddresses = 4096
	maxMembers   = 16384
	// maxAllMembers bounds the members of all address objects together. More of them do not fit a ConfigMap.
	maxAllMembers = 65536
	// maxDynamicObjects bounds the objects with addresses that the document does not have. Each has two sets.
	maxDynamicObjects = 256
	// maxFQDNs bounds the DNS names of all objects together.
	maxFQDNs     = 4096
	maxResolvers = 4
	maxServices  = 4096
	maxPorts     = 128
	maxPolicies  = 4096
	maxNAT       = 1024
	maxRoutes    = 4096
	// maxDownstream bounds the downstream interfaces of multicast. The kernel routes between 32 interfaces at most.
	maxDownstream = 31
	// maxDHCPNetworks bounds the networks of the DHCP server, and the others their lists.
	maxDHCPNetworks = 64
	maxDHCPRanges   = 16
	maxReservations = 512
	maxRelays       = 16
	// maxServers bounds each list of routers and servers that hosts learn.
	maxServers    = 4
	maxHostRoutes = 32
	// minLeaseSeconds and maxLeaseSeconds bound the lease time. The longest is less than the longest life of an entry of
	// a class.
	minLeaseSeconds = 60
	maxLeaseSeconds = 2592000
	// maxPoolAddresses bounds the addresses of all pools and reservations together. The class has an entry for each.
	maxPoolAddresses = 32768
	// maxAdvertisedNetworks bounds the networks with router advertisements, and maxAdvertisedPrefixes those of each.
	maxAdvertisedNetworks = 32
	maxAdvertisedPrefixes = 8
	maxSearchDomains      = 4
	// maxSearchBytes bounds the domains of a network together, each with two bytes more. The option has 248 bytes.
	maxSearchBytes = 240
	// minIntervalSeconds and maxIntervalSeconds are those of RFC 4861, section 6.2.1, as is maxRouterSeconds.
	minIntervalSeconds = 4
	maxIntervalSeconds = 1800
	maxRouterSeconds   = 9000
	// minPrefixSeconds and maxPrefixSeconds bound the lifetimes of prefixes.
	minPrefixSeconds = 60
	maxPrefixSeconds = 31536000
	// minRefreshSeconds is IRT_MINIMUM of RFC 8415.
	minRefreshSeconds = 600
	// minIPv6MTU is the smallest length of a packet that every link of IPv6 carries (RFC 8200).
	minIPv6MTU = 1280
	// maxDNSListeners bounds the addresses of the DNS forwarder, and the others its lists.
	maxDNSListeners    = 32
	maxUpstreams       = 8
	maxForwarding      = 64
	maxDNSRecords      = 1024
	maxRecordAddresses = 16
	// minUpstreamTimeout and maxUpstreamTimeout bound how long a server has for an answer, in milliseconds. Clients wait
	// for about five seconds.
	minUpstreamTimeout = 50
	maxUpstreamTimeout = 4000
	// minCacheEntries and maxCacheEntries bound the answers in the cache, and the others how long they stay there.
	minCacheEntries    = 100
	maxCacheEntries    = 100000
	maxCacheMinSeconds = 3600
	maxCacheSeconds    = 604800
	// maxWANLinks bounds the links to the Internet, each of which has a routing table of its own. maxLinkMonitors bounds
	// the monitors of each.
	maxWANLinks     = 8
	maxLinkMonitors = 4
	maxLinkWeight   = 255
	// minLinkInterval and the next ones bound how the monitors of a link are probed, in milliseconds.
	minLinkInterval  = 100
	maxLinkInterval  = 60000
	minLinkTimeout   = 10
	maxLinkTimeout   = 30000
	maxLinkThreshold = 100
	// maxNeighbours bounds the neighbours. Each is an entry of the kernel on both units.
	maxNeighbours = 1024
	// maxTunnels bounds the tunnels. The IKE daemon answers for each.
	maxTunnels = 64
	// maxAreas bounds the areas of OSPF, and the others the lists of BGP.
	maxAreas         = 32
	maxRedistribute  = 2
	maxBGPNeighbours = 64
	maxKeyID         = 255
	maxHops          = 255
	minDeadSeconds   = 2
	minHoldSeconds   = 3
	// maxASN is the greatest number of an autonomous system (RFC 7300).
	maxASN = 4294967294
	// maxRawBytes bounds the lines for FRR.
	maxRawBytes = 32768
	// maxPools bounds the pools of remote access, and maxRemoteUsers its users. A Secret has room for so many passwords.
	maxPools       = 8
	maxRemoteUsers = 512
	// maxPolicyRoutes bounds the policy routes, each of which has a routing table of its own.
	maxPolicyRoutes = contract.MaxPolicyRoutes
	// maxRoutingRules bounds the policy routes, each multiplied by its interfaces and prefixes.
	maxRoutingRules = 1024
	// maxNames bounds each list of names in a policy or translation.
	maxNames = 64
	// maxRules bounds the policies, each multiplied by its pairs of zones, families and protocols.
	maxRules = 32768
	// maxElements bounds the blocks and ports in all lists of policies and translations together.
	maxElements = 131072
)

// checkMembers bounds the members of all address objects together.
func (c *checker) checkMembers() {
	total := 0
	for _, a := range c.document.Addresses {
		total += len(a.Members)
	}
	if total > maxAllMembers {
		c.problems.add(spec.field("addresses"), "have %d members together, at most %d are allowed; join them into prefixes",
			total, maxAllMembers)
	}
}

// checkSize bounds the compiled size, since lists that refer to large objects multiply.
func (c *checker) checkSize() {
	var rules, elements int
	for _, p := range c.document.Policies {
		rules += len(p.From) * len(p.To) * max(1, len(c.protocols(p.Services))) * familyCount *
			(1 + c.dynamicObjects(p.Source)) * (1 + c.dynamicObjects(p.Destination))
		elements += c.elements(p.Source) + c.elements(p.Destination) + c.ports(p.Services)
	}
	for _, n := range c.document.SourceNAT {
		elements += c.elements(n.Source) + c.elements(n.Destination)
	}
	at := spec.field("policies")
	if rules > maxRules {
		c.problems.add(at, "come to %d rules, at most %d are allowed; let fewer policies name many zones at once",
			rules, maxRules)
	}
	if elements > maxElements {
		c.problems.add(at, "come to %d addresses and ports, at most %d are allowed; join addresses into prefixes",
			elements, maxElements)
	}
}

const familyCount = 2

func (c *checker) elements(names []string) (n int) {
	for _, name := range names {
		n += len(c.addresses[name].Members)
	}
	return n
}

func (c *checker) ports(names []string) (n int) {
	for _, name := range names {
		n += len(c.services[name].Ports)
	}
	return n
}

func (c *checker) protocols(names []string) map[Protocol]bool {
	protocols := map[Protocol]bool{}
	for _, name := range names {
		protocols[c.services[name].Protocol] = true
	}
	return protocols
}
