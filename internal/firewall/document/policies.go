package document

import "slices"

// Policy decides about new connections between zones.
type Policy struct {
	Name string `json:"name"`
	// From and To are the zones that a connection comes from and goes to. To may contain ZoneFirewall.
	From []string `json:"from"`
	To   []string `json:"to"`
	// Source and Destination refer to address objects, Services to service objects. An empty list matches everything.
	// The destination is compared after translation.
	Source      []string `json:"source,omitempty"`
	Destination []string `json:"destination,omitempty"`
	Services    []string `json:"services,omitempty"`
	Action      Action   `json:"action"`
	// Log writes a line for each new connection that matches, within a rate limit.
	Log bool `json:"log,omitempty"`
	// Remember adds an address of each new connection that matches to an address object, unless its Object is empty.
	Remember Remember `json:"remember,omitzero"`
	// OnChange is what happens to connections that a changed document no longer allows; Revalidate if empty.
	OnChange OnChange `json:"onChange,omitempty"`
}

// OnChange is what happens to connections that a changed document no longer allows.
type OnChange string

// The choices.
const (
	// Revalidate ends them.
	Revalidate OnChange = "Revalidate"
	// Keep leaves alone those that the policy accepted, and those that it would refuse now.
	Keep OnChange = "Keep"
)

func (OnChange) known() []string { return []string{string(Revalidate), string(Keep)} }

// Action is what a policy does with a new connection.
type Action string

// The actions of policies.
const (
	// Accept passes the connection, with everything that belongs to it.
	Accept Action = "Accept"
	// Drop discards the packet without an answer.
	Drop Action = "Drop"
	// Reject answers TCP with a reset, and everything else with an ICMP error.
	Reject Action = "Reject"
)

func (Action) known() []string { return []string{string(Accept), string(Drop), string(Reject)} }

// Log lines of packets without a policy have these names in the policy's place.
var reservedPolicyNames = []string{"dropped", "invalid", "spoofed"}

func (c *checker) checkPolicies() {
	policies, all := c.document.Policies, spec.field("policies")
	c.checkCount(all, len(policies), maxPolicies)
	c.checkNames(all, len(policies), func(i int) string { return policies[i].Name })
	for i, p := range policies {
		c.checkPolicy(all.index(i), p)
	}
}

func (c *checker) checkPolicy(at path, p Policy) {
	if slices.Contains(reservedPolicyNames, p.Name) {
		c.problems.add(at.field("name"), "%q is reserved for log lines of packets without a policy; choose another", p.Name)
	}
	if i := slices.Index(p.From, ZoneFirewall); i >= 0 {
		c.problems.add(at.field("from").index(i), "what the unit itself sends is always accepted; %q can only be in to",
			ZoneFirewall)
	} else {
		c.checkZoneNames(at.field("from"), p.From)
	}
	c.checkZoneNames(at.field("to"), p.To, ZoneFirewall)

	c.checkRemember(at.field("remember"), p.Remember)
	before := c.problems.count()
	c.checkAddressNames(at.field("source"), p.Source)
	c.checkAddressNames(at.field("destination"), p.Destination)
	c.checkServiceNames(at.field("services"), p.Services)
	if c.problems.count() == before {
		c.checkPolicyFamilies(at, p)
	}
}

// checkPolicyFamilies reports what can never match: no packet has an IPv4 source and an IPv6 destination.
func (c *checker) checkPolicyFamilies(at path, p Policy) {
	source, destination := c.families(p.Source), c.families(p.Destination)
	both := source & destination
	if both == 0 {
		c.problems.add(at.field("destination"), "has only %s addresses and source only %s ones, so that nothing can match; "+
			"name objects of one family in both", destination, source)
		return
	}
	for i, name := range p.Services {
		if protocol := c.services[name].Protocol; protocol.Families()&both == 0 {
			c.problems.add(at.field("services").index(i), "%q is %s, which runs over %s, and the policy's addresses are %s, "+
				"so that it can never match; take it out", name, protocol, protocol.Families(), both)
		}
	}
}
