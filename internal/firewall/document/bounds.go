package document

// Bounds of a document. They are far beyond what people keep an overview of, and low enough that a ruleset at the
// bounds is still applied within seconds.
const (
	maxZones      = 32
	maxInterfaces = 32
	maxAddresses  = 4096
	maxMembers    = 16384
	maxServices   = 4096
	maxPorts      = 128
	maxPolicies   = 4096
	maxNAT        = 1024
	// maxNames is of the names in one list of a policy or translation.
	maxNames = 64
	// maxRules is of what the policies come to when each is written out for each pair of zones, family and protocol.
	maxRules = 32768
	// maxElements is of the blocks and ports in all lists of policies and translations together.
	maxElements = 131072
)

// checkSize bounds what the document compiles to: lists that name large objects multiply.
func (c *checker) checkSize() {
	var rules, elements int
	for _, p := range c.document.Policies {
		rules += len(p.From) * len(p.To) * max(1, len(c.protocols(p.Services))) * familyCount
		elements += c.elements(p.Source) + c.elements(p.Destination) + c.ports(p.Services)
	}
	for _, n := range c.document.SourceNAT {
		elements += c.elements(n.Source) + c.elements(n.Destination)
	}
	if rules > maxRules {
		c.problems.add("policies", "come to %d rules, at most %d are allowed; let fewer policies name many zones at once",
			rules, maxRules)
	}
	if elements > maxElements {
		c.problems.add("policies", "come to %d addresses and ports, at most %d are allowed; join addresses into prefixes",
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
