package configuration

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// graceDelay is after how many seconds a new daemon of OSPF sends its first hello. Before, it tells its neighbours that
// it has been restarted (RFC 3623).
const graceDelay = 1

// addInterfaces writes the commands of interfaces. Each interface comes once.
func (c *compiler) addInterfaces() {
	commands := map[string][]string{}
	for _, area := range c.dynamic.OSPF.Areas {
		for _, n := range area.Interfaces {
			commands[n.Name] = append(commands[n.Name], c.ospfInterface(area, n)...)
		}
	}
	for _, area := range c.dynamic.OSPFv3.Areas {
		for _, n := range area.Interfaces {
			commands[n.Name] = append(commands[n.Name], ospfv3Interface(area, n)...)
		}
	}
	for _, n := range c.dynamic.RIP.Interfaces {
		commands[n.Name] = append(commands[n.Name], c.ripInterface(n)...)
	}
	names := make([]string, 0, len(commands))
	for name := range commands {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c.block("interface "+name, commands[name])
	}
}

func (c *compiler) ospfInterface(area document.OSPFArea, n document.OSPFInterface) []string {
	commands := []string{fmt.Sprintf("ip ospf area %s", area.ID)}
	commands = append(commands, timers("ip ospf", n.Cost, n.HelloSeconds, n.DeadSeconds)...)
	if n.Passive {
		commands = append(commands, "ip ospf passive")
	}
	if k := n.Authentication; k.IsSet() {
		commands = append(commands, "ip ospf authentication message-digest")
		// Without the key, FRR authenticates with an empty one, and so has no neighbours.
		if value, ok := c.key(k.Key, maxKeyBytes); ok {
			commands = append(commands, fmt.Sprintf("ip ospf message-digest-key %d md5 %s", k.EffectiveID(), value))
		}
	}
	return commands
}

func ospfv3Interface(area document.OSPFv3Area, n document.OSPFv3Interface) []string {
	commands := []string{fmt.Sprintf("ipv6 ospf6 area %s", area.ID)}
	commands = append(commands, timers("ipv6 ospf6", n.Cost, n.HelloSeconds, n.DeadSeconds)...)
	if n.Passive {
		commands = append(commands, "ipv6 ospf6 passive")
	}
	return commands
}

// timers returns the commands that both versions of OSPF have.
func timers(command string, cost, hello, dead uint16) []string {
	hello = cmp.Or(hello, document.DefaultHelloSeconds)
	commands := []string{
		fmt.Sprintf("%s hello-interval %d", command, hello),
		fmt.Sprintf("%s dead-interval %d", command, cmp.Or(dead, document.DeadFactor*hello)),
		fmt.Sprintf("%s graceful-restart hello-delay %d", command, graceDelay),
	}
	if cost != 0 {
		commands = append(commands, fmt.Sprintf("%s cost %d", command, cost))
	}
	return commands
}

func (c *compiler) ripInterface(n document.RIPInterface) []string {
	k := n.Authentication
	if !k.IsSet() {
		return nil
	}
	chain := "hapair-" + n.Name
	// Without the key, the chain is empty, and FRR accepts no packet.
	if value, ok := c.key(k.Key, maxKeyBytes); ok {
		c.line("key chain %s", chain)
		c.line(" key %d", k.EffectiveID())
		c.line("  key-string %s", value)
		c.line(" exit")
		c.line("exit")
	}
	return []string{"ip rip authentication mode md5", "ip rip authentication key-chain " + chain}
}
