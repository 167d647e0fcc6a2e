package document

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/internal/contract"
)

// Identities and the names of entries of a Secret have the same patterns as in the API.
var (
	identityPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ,.:=@_/+-]{0,254}$`)
	secretKeyPattern = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)
)

// Bounds of the times of a tunnel.
const (
	minRekeySeconds    = 60
	maxDeadPeerSeconds = 3600
)

// withTunnels adds the interface of tunnels to the names of the pair's networks, if the document has tunnels.
func (c *checker) withTunnels(networks []string) []string {
	if len(networks) == 0 || !c.document.VPN.IsEnabled() {
		return networks
	}
	return append(slices.Clone(networks), contract.TunnelInterface)
}

func (c *checker) checkVPN() {
	tunnels, all := c.document.VPN.SiteToSite, spec.field("vpn").field("siteToSite")
	c.checkCount(all, len(tunnels), maxTunnels)
	c.checkNames(all, len(tunnels), func(i int) string { return tunnels[i].Name })
	if c.document.VPN.IsEnabled() && !c.isInZone(contract.TunnelInterface) {
		c.problems.add(spec.field("zones"), "packets of tunnels arrive at interface %q, which is in no zone; add it to the "+
			"interfaces of a zone", contract.TunnelInterface)
	}
	peers, remote := map[string]int{}, map[netip.Prefix]int{}
	for i, s := range tunnels {
		at := all.index(i)
		c.checkEnds(at, s)
		c.checkAuthentication(at, s)
		c.checkKeys(at.field("ike"), s.IKE, true)
		c.checkKeys(at.field("esp"), s.ESP, false)
		c.checkSelectors(at, s)
		c.checkDeadPeer(at, s.DeadPeerSeconds)
		_, identity := s.Identities()
		key := fmt.Sprint(s.LocalAddress, s.RemoteAddress, identity)
		if earlier, taken := peers[key]; taken {
			c.problems.add(at.field("remoteIdentity"), "entry %d has the same peer; join their networks in one entry", earlier)
		}
		peers[key] = i
		for j, n := range s.RemoteNetworks {
			for other, earlier := range remote {
				if earlier != i && other.Overlaps(n) {
					c.problems.add(at.field("remoteNetworks").index(j), "overlaps %s of entry %d, so that the route would be "+
						"ambiguous; keep it in one of them", other, earlier)
				}
			}
		}
		for j, n := range s.RemoteNetworks {
			remote[n] = i
			c.checkOtherRoutes(at.field("remoteNetworks").index(j), n)
		}
	}
	if c.document.VPN.RemoteAccess.IsEnabled() {
		c.checkRemoteAccess(remoteAccess, c.document.VPN.RemoteAccess)
	}
}

// checkOtherRoutes refuses a static route to a network of a tunnel that the kernel could not tell from that of the
// tunnel. Its packets would leave in clear.
func (c *checker) checkOtherRoutes(tunnel path, to netip.Prefix) {
	routes := spec.field("routing").field("routes")
	for i, r := range c.document.Routing.Routes {
		if r.To == to && r.EffectiveMetric() == TunnelMetric {
			c.problems.add(routes.index(i).field("metric"), "%d is that of the route to %s in %s, which has to come first; "+
				"give a greater one, or remove the route", TunnelMetric, to, tunnel)
		}
	}
}

func (c *checker) isInZone(name string) bool {
	return slices.ContainsFunc(c.document.Zones, func(z Zone) bool { return slices.Contains(z.Interfaces, name) })
}

// checkEnds checks the addresses and the identities of a tunnel's ends.
func (c *checker) checkEnds(at path, s SiteToSite) {
	for _, end := range []struct {
		field   string
		address netip.Addr
	}{{"localAddress", s.LocalAddress}, {"remoteAddress", s.RemoteAddress}} {
		if end.address.IsValid() && !end.address.IsGlobalUnicast() {
			c.problems.add(at.field(end.field), "%s is not a unicast address that is neither loopback, link-local nor "+
				"unspecified; give one", end.address)
		}
	}
	if s.LocalAddress.Is4() != s.RemoteAddress.Is4() {
		c.problems.add(at.field("remoteAddress"), "%s must be of the same family as localAddress", s.RemoteAddress)
	}
	c.checkMoves(at.field("localAddress"), s.LocalAddress)
	if slices.Contains(c.virtualAddresses(), s.RemoteAddress) {
		c.problems.add(at.field("remoteAddress"), "%s is a virtual address of the pair itself; give the address of the "+
			"peer", s.RemoteAddress)
	}
	for _, end := range []struct {
		field    string
		identity Identity
	}{{"localIdentity", s.LocalIdentity}, {"remoteIdentity", s.RemoteIdentity}} {
		c.checkIdentity(at.field(end.field), end.identity)
	}
}

// checkMoves checks that the local address of a tunnel is one that moves with the role.
func (c *checker) checkMoves(at path, local netip.Addr) {
	if virtual := c.virtualAddresses(); len(virtual) > 0 && !slices.Contains(virtual, local) {
		c.problems.add(at, "%s is not a virtual address of the pair, so that the tunnel could not move to the other unit; "+
			"give one", local)
	}
}

func (c *checker) checkIdentity(at path, identity Identity) {
	switch {
	case identity == "":
	case !identityPattern.MatchString(string(identity)):
		c.problems.add(at, "%q is not an identity: a DNS name, an address, an email address or the subject of a certificate",
			identity)
	case firstAddress(string(identity)).IsUnspecified():
		c.problems.add(at, "%q means any identity; give the one of this end", identity)
	}
}

// firstAddress returns the address with which a name begins that the IKE daemon reads as an address, a network or a
// range of addresses. For any other name, it is not valid.
func firstAddress(name string) netip.Addr {
	if i := strings.IndexAny(name, "/-"); i >= 0 {
		name = name[:i]
	}
	a, err := netip.ParseAddr(name)
	if err != nil {
		return netip.Addr{}
	}
	return a
}

func (c *checker) checkDeadPeer(at path, seconds uint16) {
	if seconds > maxDeadPeerSeconds {
		c.problems.add(at.field("deadPeerSeconds"), "must be at most %d", maxDeadPeerSeconds)
	}
}

func (c *checker) checkAuthentication(at path, s SiteToSite) {
	hasKey, hasCertificate := s.PresharedKey != PresharedKey{}, s.Certificate != Certificate{}
	if hasKey == hasCertificate {
		c.problems.add(at.field("presharedKey"), "either presharedKey or certificate must be set; set one of them")
		return
	}
	references := []SecretReference{{string(at.field("presharedKey").field("key")), s.PresharedKey.Key}}
	if hasCertificate {
		certificate := at.field("certificate")
		references = []SecretReference{
			{string(certificate.field("certificate")), s.Certificate.Certificate},
			{string(certificate.field("privateKey")), s.Certificate.PrivateKey},
			{string(certificate.field("authority")), s.Certificate.Authority},
		}
	}
	c.checkSecretKeys(references)
}

// checkSecretKeys checks the form of the names of entries of a Secret.
func (c *checker) checkSecretKeys(references []SecretReference) {
	for _, r := range references {
		c.checkSecretKey(path(r.Field), r.Key)
	}
}

func (c *checker) checkKeys(at path, k Keys, isIKE bool) {
	c.checkCount(at.field("proposals"), len(k.Proposals), maxNames)
	for i, p := range k.Proposals {
		if err := p.check(isIKE); err != nil {
			c.problems.add(at.field("proposals").index(i), "%v", err)
		}
	}
	if k.RekeySeconds > 0 && k.RekeySeconds < minRekeySeconds {
		c.problems.add(at.field("rekeySeconds"), "must be at least %d", minRekeySeconds)
	}
}

// checkSelectors checks the networks that a tunnel connects.
func (c *checker) checkSelectors(at path, s SiteToSite) {
	for _, side := range []struct {
		field    string
		networks []netip.Prefix
	}{{"localNetworks", s.LocalNetworks}, {"remoteNetworks", s.RemoteNetworks}} {
		at := at.field(side.field)
		if len(side.networks) == 0 {
			c.problems.add(at, "at least one is needed")
		}
		c.checkCount(at, len(side.networks), maxNames)
	}
	families := map[bool]bool{}
	for _, n := range s.LocalNetworks {
		families[n.Addr().Is4()] = true
	}
	for i, n := range s.RemoteNetworks {
		at := at.field("remoteNetworks").index(i)
		switch {
		case !n.IsValid():
			continue
		case n.Contains(s.RemoteAddress):
			c.problems.add(at, "%s has the address of the peer, whose packets would go in a circle; give networks without it",
				n)
		case !families[n.Addr().Is4()]:
			c.problems.add(at, "%s has no network of its family in localNetworks; add one", n)
		case slices.ContainsFunc(s.LocalNetworks, n.Overlaps):
			c.problems.add(at, "%s overlaps a network of localNetworks; give networks of one side only", n)
		}
		c.checkNotConnected(at, n)
	}
}
