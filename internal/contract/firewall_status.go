package contract

import (
	"encoding/json"
	"fmt"
)

// FirewallStatus is what the firewall's container writes to FirewallStatusFile. It replaces the file by a rename, so
// that a reader never sees half of it. Together with FirewallFile, it is the whole contract between a firewall and the
// sidecar.
type FirewallStatus struct {
	// Hash is the SHA-256 of the document in force, in hexadecimal; empty until there is one.
	Hash string `json:"hash"`
	// RefusedHash and Error describe the last document if it was refused; empty if it was applied.
	RefusedHash string `json:"refusedHash,omitempty"`
	Error       string `json:"error,omitempty"`
	// RoutingError describes the routes and neighbours of the document in force that the kernel does not have, and why;
	// empty if it has all of them.
	RoutingError string `json:"routingError,omitempty"`
	// HelperError describes the services of the document in force whose connection tracking helper the kernel does not
	// have; empty if it has all of them.
	HelperError string `json:"helperError,omitempty"`
	// MulticastError describes why the unit does not forward the multicast of the document in force; empty if it does.
	MulticastError string `json:"multicastError,omitempty"`
	// Multicast is what the firewall has of multicast. It only explains.
	Multicast MulticastCounts `json:"multicast,omitzero"`
	// DHCPError describes the interfaces that the DHCP server of the document in force cannot serve, and why; empty if it
	// serves all of them.
	DHCPError string `json:"dhcpError,omitempty"`
	// DHCP is what the DHCP server has of leases. It only explains.
	DHCP DHCPCounts `json:"dhcp,omitzero"`
	// DNSError describes the addresses at which the DNS forwarder of the document in force does not listen, and why; empty
	// if it listens at all of them.
	DNSError string `json:"dnsError,omitempty"`
	// DNS is what the DNS forwarder was asked. It only explains.
	DNS DNSCounts `json:"dns,omitzero"`
	// Links are the links to the Internet of the document in force. They only explain.
	Links []LinkStatus `json:"links,omitempty"`
	// NamesError describes the DNS names of the document in force that no resolver has answered for longer than their
	// addresses stay; empty without such names. A standby asks for none.
	NamesError string `json:"namesError,omitempty"`
	// Names is what the firewall has of DNS names. It only explains.
	Names NameCounts `json:"names,omitzero"`
}

// LinkStatus is what a firewall knows of a link to the Internet.
type LinkStatus struct {
	Name string `json:"name"`
	IsUp bool   `json:"isUp"`
	// Weight is the share of the link in new connections, relative to those of the others; 0 if it gets none.
	Weight int `json:"weight"`
	// Reason is why the link is down.
	Reason string `json:"reason,omitempty"`
	// Ended counts the connections that were ended because the link was down, since the process began.
	Ended int `json:"ended,omitempty"`
}

// NameCounts are what a firewall has of DNS names.
type NameCounts struct {
	// Resolved are the names whose last question was answered, and Failing those whose last one was not.
	Resolved int `json:"resolved,omitempty"`
	Failing  int `json:"failing,omitempty"`
	// Overdue are the addresses whose lifetime has ended, and that stay for a grace period.
	Overdue int `json:"overdue,omitempty"`
}

// MulticastCounts are what a firewall has of multicast, and how often something did not fit since it has its document.
type MulticastCounts struct {
	// Groups are the memberships of all interfaces, Sources their sources, and Routes the streams with a route.
	Groups  int `json:"groups,omitempty"`
	Sources int `json:"sources,omitempty"`
	Routes  int `json:"routes,omitempty"`
	// RefusedReports are the reports of hosts that did not fit, and RefusedRoutes the streams.
	RefusedReports int `json:"refusedReports,omitempty"`
	RefusedRoutes  int `json:"refusedRoutes,omitempty"`
}

// DHCPCounts are what a DHCP server has of leases, and how often something happened since it has its document.
type DHCPCounts struct {
	// Leases are the addresses in use, and Addresses all that it can give.
	Leases    int `json:"leases,omitempty"`
	Addresses int `json:"addresses,omitempty"`
	// Acknowledged and Refused count the answers to hosts that asked for an address.
	Acknowledged int `json:"acknowledged,omitempty"`
	Refused      int `json:"refused,omitempty"`
	// Exhausted counts the requests for which there was no free address.
	Exhausted int `json:"exhausted,omitempty"`
	// Conflicts counts the addresses that another station has.
	Conflicts int `json:"conflicts,omitempty"`
	// Ignored counts the requests that are of no network, malformed or too many.
	Ignored int `json:"ignored,omitempty"`
	// Informed counts the answers of DHCPv6.
	Informed int `json:"informed,omitempty"`
}

// DNSCounts are how often a DNS forwarder was asked and has asked others, since its program began.
type DNSCounts struct {
	// Known, Cached and Forwarded count the answers: those that the unit knows itself, those of its cache, and those of
	// other servers.
	Known     int64 `json:"known,omitempty"`
	Cached    int64 `json:"cached,omitempty"`
	Forwarded int64 `json:"forwarded,omitempty"`
	// Failed counts the questions that no server answered.
	Failed int64 `json:"failed,omitempty"`
	// Refused counts the questions that are malformed or of a kind that is not answered, Strangers those of hosts that
	// are no clients, and Dropped those beyond the limits.
	Refused   int64 `json:"refused,omitempty"`
	Strangers int64 `json:"strangers,omitempty"`
	Dropped   int64 `json:"dropped,omitempty"`
	// UpstreamAnswers and UpstreamFailures count the questions to other servers, and Foreign the messages that came
	// instead of an answer.
	UpstreamAnswers  int64 `json:"upstreamAnswers,omitempty"`
	UpstreamFailures int64 `json:"upstreamFailures,omitempty"`
	Foreign          int64 `json:"foreign,omitempty"`
	// CacheEntries is how many answers the cache has.
	CacheEntries int `json:"cacheEntries,omitempty"`
}

// ParseFirewallStatus decodes a status. It ignores fields that this release does not know: an image of a third party
// may report more.
func ParseFirewallStatus(document []byte) (FirewallStatus, error) {
	var s FirewallStatus
	if err := json.Unmarshal(document, &s); err != nil {
		return FirewallStatus{}, fmt.Errorf("decoding the status of the firewall: %w", err)
	}
	return s, nil
}
