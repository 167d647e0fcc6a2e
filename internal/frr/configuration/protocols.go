package configuration

import (
	"fmt"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// GraceSeconds is how long neighbours keep the routes to a unit that has just become active.
const GraceSeconds = 120

func (c *compiler) addOSPF() {
	o := c.dynamic.OSPF
	if !o.IsEnabled() {
		return
	}
	commands := []string{
		"ospf router-id " + c.dynamic.RouterID.String(),
		"capability opaque", // The messages about a restart are opaque LSAs.
		fmt.Sprintf("graceful-restart grace-period %d", GraceSeconds),
		"graceful-restart helper enable",
	}
	for _, area := range o.Areas {
		commands = append(commands, areaType(area.ID.String(), area.Type)...)
	}
	commands = append(commands, redistribute(o.Redistribute)...)
	c.block("router ospf", append(commands, c.announceDefault(o.AnnounceDefault, document.IPv4)...))
}

func (c *compiler) addOSPFv3() {
	o := c.dynamic.OSPFv3
	if !o.IsEnabled() {
		return
	}
	commands := []string{
		"ospf6 router-id " + c.dynamic.RouterID.String(),
		fmt.Sprintf("graceful-restart grace-period %d", GraceSeconds),
		"graceful-restart helper enable",
	}
	for _, area := range o.Areas {
		commands = append(commands, areaType(area.ID.String(), area.Type)...)
	}
	commands = append(commands, redistribute(o.Redistribute)...)
	c.block("router ospf6", append(commands, c.announceDefault(o.AnnounceDefault, document.IPv6)...))
}

func areaType(id string, kind document.OSPFAreaType) []string {
	switch kind {
	case document.OSPFStub:
		return []string{"area " + id + " stub"}
	case document.OSPFNSSA:
		return []string{"area " + id + " nssa"}
	default:
		return nil
	}
}

// announceDefault returns the commands that announce the default route by OSPF. The data plane's table always ends in
// an unreachable one, which is not announced: it has no interface.
func (c *compiler) announceDefault(isWanted bool, family document.Families) []string {
	switch {
	case !isWanted:
		return nil
	case c.hasDefault(family):
		return []string{"default-information originate always"}
	default:
		return []string{"default-information originate route-map " + trafficMap}
	}
}

func (c *compiler) addRIP() {
	r := c.dynamic.RIP
	if !r.IsEnabled() {
		return
	}
	commands := []string{"version 2"}
	for _, n := range r.Interfaces {
		commands = append(commands, ripInterface(n.Name, n.Passive)...)
	}
	commands = append(commands, redistribute(r.Redistribute)...)
	if r.AnnounceDefault {
		commands = append(commands, "default-information originate")
	}
	c.block("router rip", commands)
}

func (c *compiler) addRIPng() {
	r := c.dynamic.RIPng
	if !r.IsEnabled() {
		return
	}
	var commands []string
	for _, n := range r.Interfaces {
		commands = append(commands, ripInterface(n.Name, n.Passive)...)
	}
	commands = append(commands, redistribute(r.Redistribute)...)
	if r.AnnounceDefault {
		commands = append(commands, "default-information originate")
	}
	c.block("router ripng", commands)
}

func ripInterface(name string, isPassive bool) []string {
	commands := []string{"network " + name}
	if isPassive {
		commands = append(commands, "passive-interface "+name)
	}
	return commands
}

func (c *compiler) addBGP() {
	b := c.dynamic.BGP
	if !b.IsEnabled() {
		return
	}
	for i, n := range b.Neighbours {
		if len(n.Accept) > 0 {
			c.addPrefixList(acceptList(i), n.Accept, true)
		}
		if len(n.Announce) > 0 {
			c.addPrefixList(announceList(i), n.Announce, true)
		}
	}
	commands := []string{
		"bgp router-id " + c.dynamic.RouterID.String(),
		"bgp graceful-restart",
		"bgp graceful-restart preserve-fw-state",
		fmt.Sprintf("bgp graceful-restart restart-time %d", GraceSeconds),
		"no bgp network import-check",
		"no bgp default ipv4-unicast",
	}
	for _, n := range b.Neighbours {
		commands = append(commands, c.neighbour(n)...)
	}
	for _, isIPv4 := range []bool{true, false} {
		commands = append(commands, c.addressFamily(isIPv4)...)
	}
	c.block(fmt.Sprintf("router bgp %d", b.ASN), commands)
}

func acceptList(i int) string   { return fmt.Sprintf("hapair-accept-%d", i) }
func announceList(i int) string { return fmt.Sprintf("hapair-announce-%d", i) }

// connectSeconds is the time between two tries to connect to a neighbour.
const connectSeconds = 5

func (c *compiler) neighbour(n document.BGPNeighbour) []string {
	command := "neighbor " + n.Address.String()
	commands := []string{
		fmt.Sprintf("%s remote-as %d", command, n.ASN),
		fmt.Sprintf("%s update-source %s", command, n.LocalAddress),
		fmt.Sprintf("%s timers connect %d", command, connectSeconds),
	}
	if n.Hops > 1 {
		commands = append(commands, fmt.Sprintf("%s ebgp-multihop %d", command, n.Hops))
	}
	if n.HoldSeconds != 0 {
		commands = append(commands, fmt.Sprintf("%s timers %d %d", command, n.HoldSeconds/3, n.HoldSeconds))
	}
	if n.PasswordKey != "" {
		if value, ok := c.key(n.PasswordKey, maxPasswordBytes); ok {
			return append(commands, command+" password "+value)
		}
		// Without its password, the neighbour must not be reached in clear.
		return append(commands, command+" shutdown")
	}
	return commands
}

func (c *compiler) addressFamily(isIPv4 bool) []string {
	b, family := c.dynamic.BGP, "ipv6"
	if isIPv4 {
		family = "ipv4"
	}
	commands := []string{fmt.Sprintf("address-family %s unicast", family)}
	for _, p := range b.Networks {
		if p.Addr().Is4() == isIPv4 {
			commands = append(commands, " network "+p.String())
		}
	}
	for _, command := range redistribute(b.Redistribute) {
		commands = append(commands, " "+command)
	}
	for i, n := range b.Neighbours {
		if n.Address.Is4() != isIPv4 {
			continue
		}
		commands = append(commands, fmt.Sprintf(" neighbor %s activate", n.Address))
		if len(n.Accept) > 0 {
			commands = append(commands, fmt.Sprintf(" neighbor %s prefix-list %s in", n.Address, acceptList(i)))
		}
		if len(n.Announce) > 0 {
			commands = append(commands, fmt.Sprintf(" neighbor %s prefix-list %s out", n.Address, announceList(i)))
		}
	}
	return append(commands, "exit-address-family")
}
