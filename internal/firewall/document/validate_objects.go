package document

import "slices"

func (c *checker) checkAddresses() {
	addresses, all := c.document.Addresses, spec.field("addresses")
	c.checkCount(all, len(addresses), maxAddresses)
	c.checkNames(all, len(addresses), func(i int) string { return addresses[i].Name })
	for i, a := range addresses {
		at := all.index(i).field("members")
		if len(a.Members) == 0 && !a.IsDynamic() {
			c.problems.add(at, "at least one is needed, unless the object has fqdn or dynamic")
		}
		c.checkCount(at, len(a.Members), maxMembers)
	}
}

func (c *checker) checkServices() {
	services, all := c.document.Services, spec.field("services")
	c.checkCount(all, len(services), maxServices)
	c.checkNames(all, len(services), func(i int) string { return services[i].Name })
	for i, s := range services {
		at := all.index(i).field("ports")
		if len(s.Ports) > 0 && !s.Protocol.HasPorts() {
			c.problems.add(at, "%s has no ports; leave the field out", s.Protocol)
		}
		c.checkCount(at, len(s.Ports), maxPorts)
		c.checkHelper(all.index(i).field("helper"), s)
	}
}

// families returns the address families of a list of address objects; both for an empty list.
func (c *checker) families(names []string) Families {
	if len(names) == 0 {
		return IPv4 | IPv6
	}
	var families Families
	for _, name := range names {
		if c.addresses[name].IsDynamic() {
			return IPv4 | IPv6
		}
		for _, b := range c.addresses[name].Members {
			families |= b.Family()
		}
	}
	return families
}

// checkReferences checks that each name in a list is defined.
func (c *checker) checkReferences(at path, what string, names, defined []string, isDefined func(string) bool) {
	c.checkCount(at, len(names), maxNames)
	for i, name := range names {
		if !isDefined(name) {
			c.problems.add(at.index(i), "unknown %s %q; defined are: %s", what, name, list(defined))
		}
	}
}

func (c *checker) checkAddressNames(at path, names []string) {
	c.checkReferences(at, "address object", names, c.addressNames, func(name string) bool {
		_, ok := c.addresses[name]
		return ok
	})
}

func (c *checker) checkServiceNames(at path, names []string) {
	c.checkReferences(at, "service object", names, c.serviceNames, func(name string) bool {
		_, ok := c.services[name]
		return ok
	})
}

func (c *checker) checkZoneNames(at path, names []string, reserved ...string) {
	if len(names) == 0 {
		c.problems.add(at, "at least one zone is needed")
	}
	c.checkReferences(at, "zone", names, slices.Concat(c.zoneNames, reserved), func(name string) bool {
		_, ok := c.zones[name]
		return ok || slices.Contains(reserved, name)
	})
}

type named interface{ name() string }

func (z Zone) name() string    { return z.Name }
func (a Address) name() string { return a.Name }
func (s Service) name() string { return s.Name }

func namesOf[T named](objects []T) []string {
	names := make([]string, 0, len(objects))
	for _, o := range objects {
		names = append(names, o.name())
	}
	return names
}
