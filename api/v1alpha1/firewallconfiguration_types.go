package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The API server checks the shape of a configuration: fields, enums, bounds and patterns. Checks that need the whole
// configuration, such as names without a definition, are in internal/firewall/document, and the status reports their
// errors. A test keeps both in agreement.
//
// Long lists are atomic because their order matters. With listType=map the API server would also store the owner of
// each field of each entry, which takes more space than the list.

// FirewallConfiguration is the configuration of the default firewall: zones, address and service objects, policies,
// address translation and routing. Pairs of its namespace refer to it by spec.firewall.configurationRef.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=firewallconfigurations,singular=firewallconfiguration,shortName=fwc,categories={firewall}
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`,description="Whether the configuration has no errors"
// +kubebuilder:printcolumn:name="Pairs",type=string,JSONPath=`.status.pairs`,description="Pairs that use the configuration"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Hash",type=string,priority=1,JSONPath=`.status.hash`,description="Hash that units report when they enforce the configuration"
type FirewallConfiguration struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the configuration.
	// +required
	Spec FirewallConfigurationSpec `json:"spec"`

	// status reports whether the configuration is accepted and which pairs use it. The operator alone writes it.
	// +optional
	// +default={"observedGeneration": -1}
	Status FirewallConfigurationStatus `json:"status,omitempty"`
}

// FirewallConfigurationSpec is what the firewall allows, translates and logs. Lists may be left out, but not be empty.
//
// +kubebuilder:validation:XValidation:rule="!has(self.addresses) || self.addresses.map(a, has(a.members) ? a.members.size() : 0).sum() <= 65536",fieldPath=.addresses,message="the address objects must have at most 65536 members together, since more do not fit the ConfigMap of the units; join them into prefixes"
type FirewallConfigurationSpec struct {
	// zones are groups of interfaces with the same level of trust. Each network of a pair must be in exactly one zone.
	// Packets are forwarded between zones alone. What interfaces of no zone exchange with the unit itself is not filtered.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Zones []FirewallZone `json:"zones"`

	// addresses are named sets of IP addresses. Policies and translations refer to them by name.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4096
	Addresses []AddressObject `json:"addresses,omitempty"`

	// services are named protocols with their ports. Policies and translations refer to them by name.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4096
	Services []ServiceObject `json:"services,omitempty"`

	// policies decide about new connections. They are tried in order, and the first that matches decides. A connection
	// that no policy matches is dropped. Packets of a connection that was accepted pass without a further policy.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4096
	Policies []FirewallPolicy `json:"policies,omitempty"`

	// sourceNAT gives connections that leave to a zone another source address. The first entry that matches applies.
	// It allows nothing by itself: the connection needs a policy as well.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1024
	SourceNAT []SourceNAT `json:"sourceNAT,omitempty"`

	// destinationNAT sends connections from a zone to another destination. The first entry that matches applies.
	// It allows nothing by itself: the connection needs a policy for its translated destination as well.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1024
	DestinationNAT []DestinationNAT `json:"destinationNAT,omitempty"`

	// resolvers are the DNS servers that the active unit asks for the addresses of fqdn members, in this order. It
	// reaches them by the routes of the traffic that the pair forwards. Without resolvers it asks the DNS of the
	// Kubernetes cluster, by the pod network.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MaxLength=39
	// +kubebuilder:validation:items:XValidation:rule="isIP(self)",message="a resolver must be an IPv4 or IPv6 address without a prefix length, as in 192.0.2.53 or 2001:db8::53"
	// +kubebuilder:validation:items:XValidation:rule="!isIP(self) || ip(self).isGlobalUnicast()",message="a resolver must be a unicast address that is neither loopback, link-local nor unspecified"
	Resolvers []string `json:"resolvers,omitempty"`

	// routing has the routes of traffic that the pair forwards, such as the default routes.
	// +optional
	Routing FirewallRouting `json:"routing,omitzero"`

	// wan distributes new connections over several links to the Internet. Without it, routing alone decides.
	// +optional
	WAN *FirewallWAN `json:"wan,omitempty"`

	// neighbours are entries of the neighbour tables (ARP and NDP) that both units have at all times.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1024
	Neighbours []FirewallNeighbour `json:"neighbours,omitempty"`

	// multicast forwards multicast between networks of the pair. Without it, none is forwarded.
	// +optional
	Multicast *FirewallMulticast `json:"multicast,omitempty"`

	// dhcp gives hosts IPv4 addresses. Without it, the firewall is no DHCP server.
	// +optional
	DHCP *FirewallDHCP `json:"dhcp,omitempty"`

	// dhcpv6 tells hosts servers and domains by DHCPv6, without addresses. Without it, the firewall is no DHCPv6 server.
	// +optional
	DHCPv6 *FirewallDHCPv6 `json:"dhcpv6,omitempty"`

	// routerAdvertisements gives hosts IPv6 prefixes and a default router. Without it, the firewall sends no router
	// advertisements.
	// +optional
	RouterAdvertisements *FirewallRouterAdvertisements `json:"routerAdvertisements,omitempty"`

	// dns looks up DNS names for hosts. Without it, the firewall answers no questions.
	// +optional
	DNS *FirewallDNS `json:"dns,omitempty"`

	// vpn has the tunnels to other sites.
	// +optional
	VPN *FirewallVPN `json:"vpn,omitempty"`

	// logging controls the log of packets that no policy matched.
	// +optional
	Logging FirewallLogging `json:"logging,omitzero"`
}

// FirewallZone is a group of interfaces with the same level of trust.
type FirewallZone struct {
	// name of the zone, for policies and translations. The name firewall is reserved for the unit itself.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="a name must begin with a letter, have only a-z, 0-9 and '-', and not end with '-', as in lan"
	// +kubebuilder:validation:XValidation:rule="self != 'firewall'",message="firewall is reserved for the unit itself; choose another name"
	Name string `json:"name"`

	// interfaces are the names of the pair's networks that belong to the zone, and ipsec0 for the packets of tunnels. All
	// zones together have at most 64.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=15
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in lan"
	// +kubebuilder:validation:items:XValidation:rule="!(self in ['lo', 'eth0'])",message="lo and eth0 are the pod's own interfaces and are not filtered; name a network of the pair"
	Interfaces []string `json:"interfaces"`

	// sourceValidation is how strictly the source address of packets from the zone is checked. Strict, the default,
	// demands that the route back to the source uses the interface that the packet came from. For private and
	// reserved sources, a default route does not count. Loose demands any route back, for a zone whose packets leave and
	// return on different interfaces. Disabled demands no route. All three drop packets from the unit's own addresses.
	// +optional
	SourceValidation SourceValidation `json:"sourceValidation,omitempty"`

	// mssClamping is whether the maximum segment size of TCP connections through the zone is limited to what fits into
	// the MTU of the zone's interfaces. Enabled, the default, keeps connections working if an end does not receive
	// ICMP errors.
	// +optional
	MSSClamping MSSClamping `json:"mssClamping,omitempty"`

	// mtu is the length of the longest packet that the paths of the zone carry, for mssClamping. Without it, that is the
	// MTU of each interface. Set it if the bottleneck is behind the next router, as with a tunnel or PPPoE.
	// +optional
	// +kubebuilder:validation:Minimum=576
	// +kubebuilder:validation:Maximum=65535
	MTU int32 `json:"mtu,omitempty"`
}

// SourceValidation is a check of packets' source addresses.
//
// +kubebuilder:validation:Enum=Strict;Loose;Disabled
type SourceValidation string

// MSSClamping is whether the maximum segment size of TCP connections is limited.
//
// +kubebuilder:validation:Enum=Enabled;Disabled
type MSSClamping string

// AddressObject is a named set of IP addresses, of one family or of both. Besides its members, it has the addresses of
// DNS names, and those that policies and providers add.
//
// +kubebuilder:validation:XValidation:fieldPath=.members,rule="has(self.members) || has(self.fqdn) || (has(self.dynamic) && self.dynamic)",message="members, fqdn or dynamic must be set, since an object without addresses matches nothing"
type AddressObject struct {
	// name of the object, for policies and translations.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="a name must begin with a letter, have only a-z, 0-9 and '-', and not end with '-', as in lan-net"
	Name string `json:"name"`

	// members are addresses, prefixes and ranges, as in 192.0.2.1, 192.0.2.0/24, 192.0.2.10-192.0.2.20 or 2001:db8::/64.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16384
	// +kubebuilder:validation:items:MinLength=2
	// +kubebuilder:validation:items:MaxLength=81
	// +kubebuilder:validation:items:Pattern=`^[0-9A-Fa-f:.]+(/[0-9]{1,3}| ?- ?[0-9A-Fa-f:.]+)?$`
	Members []string `json:"members,omitempty"`

	// fqdn are DNS names, as in updates.example.com. The active unit asks the resolvers for their addresses, at most 64 a
	// name, and asks again when the answer is outdated. The standby receives the addresses from the active.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=3
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`
	FQDN []string `json:"fqdn,omitempty"`

	// dynamic lets policies add addresses to the object with their field remember, and providers over their socket. Each
	// address has an end of its own.
	// +optional
	Dynamic bool `json:"dynamic,omitempty"`
}

// ServiceObject is a named protocol, with the ports at which it is reached.
//
// +kubebuilder:validation:XValidation:rule="!has(self.helper) || self.helper == 'None' || self.protocol == 'TCP' || (self.protocol == 'UDP' && self.helper in ['SIP', 'H323'])",fieldPath=.helper,message="SIP and H323 run over TCP or UDP, other helpers over TCP; change the protocol, or leave the helper out"
// +kubebuilder:validation:XValidation:rule="!has(self.helper) || self.helper == 'None' || has(self.ports)",fieldPath=.helper,message="a helper needs the ports of its control connections; without them it would read the connections of all ports"
type ServiceObject struct {
	// name of the object, for policies and translations.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="a name must begin with a letter, have only a-z, 0-9 and '-', and not end with '-', as in web"
	Name string `json:"name"`

	// protocol of the service. ICMP and ICMPv6 stand for an echo request; ICMP errors that belong to a connection pass
	// with the connection.
	// +required
	Protocol ServiceProtocol `json:"protocol"`

	// ports are destination ports and ranges of them, as in [80, "8000-8010"]. Without ports the service has all of
	// them. Only TCP, UDP and SCTP have ports.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:XIntOrString
	// +kubebuilder:validation:items:MaxLength=11
	// +kubebuilder:validation:items:XValidation:rule="type(self) == string || (int(self) >= 1 && int(self) <= 65535)",message="a port must be from 1 to 65535"
	// +kubebuilder:validation:items:Pattern=`^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$`
	Ports []intstr.IntOrString `json:"ports,omitempty"`

	// helper reads the control connections of the service. The data connections that these announce then pass, and the
	// addresses in them are translated. Without helper, a service of exactly TCP port 21 has FTP, and any other service
	// has None. SIP and H323 are for voice and video calls, RTSP is for cameras and media servers,
	// SQLNet for Oracle listeners that redirect clients, and RealAudio for players of PNA.
	// +optional
	Helper ServiceHelper `json:"helper,omitempty"`
}

// ServiceHelper is a part of the kernel's connection tracking, or of the firewall, that reads control connections.
//
// +kubebuilder:validation:Enum=FTP;SIP;H323;RTSP;SQLNet;RealAudio;None
type ServiceHelper string

// ServiceProtocol is the protocol of a service object.
//
// +kubebuilder:validation:Enum=TCP;UDP;SCTP;ICMP;ICMPv6;GRE;ESP;AH;OSPF
type ServiceProtocol string

// FirewallPolicy decides about new connections between zones.
type FirewallPolicy struct {
	// name of the policy, for logs and counters. The names dropped, invalid and spoofed are reserved for packets that no
	// policy matched.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="a name must begin with a letter, have only a-z, 0-9 and '-', and not end with '-', as in lan-to-wan"
	// +kubebuilder:validation:XValidation:rule="!(self in ['dropped', 'invalid', 'spoofed'])",message="dropped, invalid and spoofed are reserved for the log of packets without a policy; choose another name"
	Name string `json:"name"`

	// from lists the zones that the connection comes from.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	From []string `json:"from"`

	// to lists the zones that the connection goes to. The zone firewall stands for the unit's addresses on the interface
	// at which the packet arrives, virtual ones included. Other addresses of the unit cannot be reached from a zone.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	To []string `json:"to"`

	// source lists names of address objects. Without it every source matches.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	Source []string `json:"source,omitempty"`

	// destination lists names of address objects, compared with the destination after translation. Without it every
	// destination matches.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	Destination []string `json:"destination,omitempty"`

	// services lists names of service objects, compared with the port after translation. Without it every service
	// matches.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	Services []string `json:"services,omitempty"`

	// action is what happens to the connection: Accept it, Drop it in silence, or Reject it with a TCP reset or an ICMP
	// error.
	// +required
	Action PolicyAction `json:"action"`

	// log writes a log line for each new connection that matches, within a rate limit.
	// +optional
	Log bool `json:"log,omitempty"`

	// remember adds an address of each new connection that matches to an address object.
	// +optional
	Remember Remember `json:"remember,omitzero"`

	// onChange is what happens to connections that a changed configuration no longer allows or translates as they are.
	// Revalidate, the default, ends them. Keep leaves alone those that this policy accepted, and those that it would
	// refuse now.
	// +optional
	OnChange OnChange `json:"onChange,omitempty"`
}

// Remember adds an address of new connections to an address object for some time.
type Remember struct {
	// object is the name of an address object with dynamic.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Object string `json:"object"`

	// seconds is how long the object has the address. The time begins again with each new connection that matches.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Seconds int32 `json:"seconds"`

	// side is the address that is remembered: Source, the default, or Destination, after translation.
	// +optional
	Side RememberSide `json:"side,omitempty"`
}

// RememberSide is an end of a connection.
//
// +kubebuilder:validation:Enum=Source;Destination
type RememberSide string

// OnChange is what happens to connections that a changed configuration no longer allows.
//
// +kubebuilder:validation:Enum=Revalidate;Keep
type OnChange string

// PolicyAction is what a policy does with a new connection.
//
// +kubebuilder:validation:Enum=Accept;Drop;Reject
type PolicyAction string

// SourceNAT gives connections that leave to a zone another source address. It translates the address family of address
// only. The source port is preserved where it is free.
type SourceNAT struct {
	// name of the translation.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="a name must begin with a letter, have only a-z, 0-9 and '-', and not end with '-', as in lan-behind-wan"
	Name string `json:"name"`

	// to is the zone that the connection leaves to.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	To string `json:"to"`

	// source lists names of address objects. Without it every source matches.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	Source []string `json:"source,omitempty"`

	// destination lists names of address objects. Without it every destination matches.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	Destination []string `json:"destination,omitempty"`

	// address is the new source: usually a virtual address of the pair in the zone, so that replies reach the active
	// unit.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="address must be an IPv4 or IPv6 address without a prefix length, as in 203.0.113.1 or 2001:db8::1"
	// +kubebuilder:validation:XValidation:rule="!isIP(self) || ip(self).isGlobalUnicast()",message="address must be a unicast address that is neither loopback, link-local nor unspecified"
	Address string `json:"address"`
}

// DestinationNAT sends connections from a zone to another destination.
type DestinationNAT struct {
	// name of the translation.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="a name must begin with a letter, have only a-z, 0-9 and '-', and not end with '-', as in web"
	Name string `json:"name"`

	// from is the zone that the connection comes from.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	From string `json:"from"`

	// destination is the address that clients connect to: usually a virtual address of the pair in the zone.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="destination must be an IPv4 or IPv6 address without a prefix length, as in 203.0.113.1 or 2001:db8::1"
	// +kubebuilder:validation:XValidation:rule="!isIP(self) || ip(self).isGlobalUnicast()",message="destination must be a unicast address that is neither loopback, link-local nor unspecified"
	Destination string `json:"destination"`

	// service is the name of the service object that clients connect to.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Service string `json:"service"`

	// toAddress is the new destination, of the same address family.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="toAddress must be an IPv4 or IPv6 address without a prefix length, as in 192.168.50.10 or 2001:db8::10"
	// +kubebuilder:validation:XValidation:rule="!isIP(self) || ip(self).isGlobalUnicast()",message="toAddress must be a unicast address that is neither loopback, link-local nor unspecified"
	ToAddress string `json:"toAddress"`

	// toPort is the new destination port. Without it the port stays the same.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	ToPort int32 `json:"toPort,omitempty"`
}

// FirewallLogging controls the log of packets that no policy matched.
type FirewallLogging struct {
	// dropped logs packets that are dropped because no policy accepts them or because they are invalid, within a rate
	// limit.
	// +optional
	Dropped bool `json:"dropped,omitempty"`
}

// FirewallConfigurationStatus reports whether the configuration is accepted and which pairs use it.
type FirewallConfigurationStatus struct {
	// observedGeneration is the generation of the spec that this status describes; -1 until the operator has seen it.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// hash identifies the configuration. A unit that enforces it reports the same hash. It is empty while the
	// configuration has errors whatever the pair.
	// +optional
	Hash string `json:"hash,omitempty"`

	// pairs that use the configuration, by name, sorted.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	Pairs []string `json:"pairs,omitempty"`

	// errors are the first 20 errors of the configuration, in the order of its fields. A configuration without errors of
	// its own is also checked against the networks of each pair that uses it; such an error names the pair. A pair
	// enforces the last configuration without errors for that pair until they are corrected.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Errors []FieldError `json:"errors,omitempty"`

	// conditions of the configuration: Accepted.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// FieldError is an error in one field.
type FieldError struct {
	// field is the path of the field, as in spec.policies[2].source[0].
	// +optional
	Field string `json:"field,omitempty"`

	// message describes what is wrong and how to correct it.
	// +required
	Message string `json:"message"`
}

// FirewallConfigurationList is a list of configurations.
//
// +kubebuilder:object:root=true
type FirewallConfigurationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []FirewallConfiguration `json:"items"`
}
