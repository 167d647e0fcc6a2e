package document

import (
	"regexp"
	"strings"
)

// fqdnPattern matches names of hosts in DNS, in lower case and without the final dot.
var fqdnPattern = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// maxNameLength bounds a DNS name (RFC 1035).
const maxNameLength = 253

func (c *checker) checkResolvers() {
	at := spec.field("resolvers")
	c.checkCount(at, len(c.document.Resolvers), maxResolvers)
	for i, a := range c.document.Resolvers {
		c.checkHost(at.index(i), a)
	}
}

// checkDynamicObjects bounds what the kernel and the resolvers have to do.
func (c *checker) checkDynamicObjects() {
	var objects int
	names := map[string]bool{}
	for i, a := range c.document.Addresses {
		at := spec.field("addresses").index(i)
		if a.IsDynamic() {
			objects++
		}
		c.checkCount(at.field("fqdn"), len(a.FQDN), maxNames)
		for j, name := range a.FQDN {
			names[name] = true
			c.checkFQDN(at.field("fqdn").index(j), name)
		}
	}
	if objects > maxDynamicObjects {
		c.problems.add(spec.field("addresses"), "have %d objects with fqdn or dynamic, at most %d are allowed; "+
			"join some of them", objects, maxDynamicObjects)
	}
	if len(names) > maxFQDNs {
		c.problems.add(spec.field("addresses"), "have %d different DNS names together, at most %d are allowed",
			len(names), maxFQDNs)
	}
}

func (c *checker) checkFQDN(at path, name string) {
	switch {
	case strings.HasPrefix(name, "*."):
		c.problems.add(at, "%q has a wildcard, and DNS does not tell which names it stands for; give the names", name)
	case len(name) > maxNameLength || !fqdnPattern.MatchString(name):
		c.problems.add(at, "%q is not a full DNS name in lower case, as in updates.example.com", name)
	}
}

func (c *checker) checkRemember(at path, r Remember) {
	if r == (Remember{}) {
		return
	}
	switch object, isDefined := c.addresses[r.Object]; {
	case !isDefined:
		c.problems.add(at.field("object"), "unknown address object %q; defined are: %s", r.Object, list(c.addressNames))
	case !object.Dynamic:
		c.problems.add(at.field("object"), "%q has no dynamic: true, so that nothing can be added to it; add that", r.Object)
	}
}

// checkStatic reports dynamic objects where the kernel cannot look them up.
func (c *checker) checkStatic(at path, names []string) {
	for i, name := range names {
		if c.addresses[name].IsDynamic() {
			c.problems.add(at.index(i), "%q has fqdn or dynamic, and only policies can use such an object; name "+
				"one that has members alone", name)
		}
	}
}

// dynamicObjects returns how many objects of a list are dynamic. Each has rules of its own.
func (c *checker) dynamicObjects(names []string) (n int) {
	for _, name := range names {
		if c.addresses[name].IsDynamic() {
			n++
		}
	}
	return n
}
