package document

import "net/netip"

func (c *checker) checkSourceNAT() {
	entries, all := c.document.SourceNAT, spec.field("sourceNAT")
	c.checkCount(all, len(entries), maxNAT)
	c.checkNames(all, len(entries), func(i int) string { return entries[i].Name })
	for i, n := range entries {
		at := all.index(i)
		c.checkZoneName(at.field("to"), n.To)
		usable := c.checkHost(at.field("address"), n.Address)

		before := c.problems.count()
		c.checkAddressNames(at.field("source"), n.Source)
		c.checkAddressNames(at.field("destination"), n.Destination)
		c.checkStatic(at.field("source"), n.Source)
		c.checkStatic(at.field("destination"), n.Destination)
		if !usable || c.problems.count() > before {
			continue
		}
		c.checkFamily(at.field("source"), n.Source, n.Address)
		c.checkFamily(at.field("destination"), n.Destination, n.Address)
	}
}

func (c *checker) checkDestinationNAT() {
	entries, all := c.document.DestinationNAT, spec.field("destinationNAT")
	c.checkCount(all, len(entries), maxNAT)
	c.checkNames(all, len(entries), func(i int) string { return entries[i].Name })
	for i, n := range entries {
		at := all.index(i)
		c.checkZoneName(at.field("from"), n.From)
		usable := c.checkHost(at.field("destination"), n.Destination)
		usable = c.checkHost(at.field("toAddress"), n.ToAddress) && usable
		if usable && familyOf(n.Destination) != familyOf(n.ToAddress) {
			c.problems.add(at.field("toAddress"), "%s is %s and destination is %s; both must be of one family",
				n.ToAddress, familyOf(n.ToAddress), familyOf(n.Destination))
		}
		c.checkTranslatedService(at, n, usable)
	}
}

func (c *checker) checkTranslatedService(at path, n DestinationNAT, usable bool) {
	service, ok := c.services[n.Service]
	if !ok {
		c.problems.add(at.field("service"), "unknown service object %q; defined are: %s",
			n.Service, list(c.serviceNames))
		return
	}
	if n.ToPort != 0 && !service.Protocol.HasPorts() {
		c.problems.add(at.field("toPort"), "service %q is %s, which has no ports; leave the field out",
			n.Service, service.Protocol)
	}
	if usable && !service.Protocol.Families().Has(familyOf(n.Destination)) {
		c.problems.add(at.field("service"), "%q is %s, which runs over %s, and destination is %s",
			n.Service, service.Protocol, service.Protocol.Families(), familyOf(n.Destination))
	}
}

func (c *checker) checkZoneName(at path, name string) {
	if _, ok := c.zones[name]; !ok {
		c.problems.add(at, "unknown zone %q; defined are: %s", name, list(c.zoneNames))
	}
}

// checkHost checks that a packet on a network can have the address, and returns whether it can.
func (c *checker) checkHost(at path, a netip.Addr) bool {
	usable := a.IsValid() && a.IsGlobalUnicast()
	if !usable {
		c.problems.add(at, "%s is not a host's address; give a unicast address that is neither loopback, "+
			"link-local nor unspecified", a)
	}
	return usable
}

func (c *checker) checkFamily(at path, names []string, address netip.Addr) {
	if families := c.families(names); !families.Has(familyOf(address)) {
		c.problems.add(at, "has only %s addresses and address is %s, so that nothing can match; "+
			"name an object of that family", families, familyOf(address))
	}
}
