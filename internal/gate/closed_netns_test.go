//go:build netns

package gate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/testbed"
)

// answer recognises what a unit says about an address of its: that it has it, or that it heard a ping of it.
func answer(f []byte, address string) bool {
	a := addr(address).AsSlice()
	switch kind := binary.BigEndian.Uint16(f[12:]); {
	case kind == unix.ETH_P_ARP && f[21] == 2:
		return bytes.Equal(f[28:32], a)
	case kind == unix.ETH_P_IP && f[23] == unix.IPPROTO_ICMP && f[34] == 0:
		return bytes.Equal(f[26:30], a)
	case kind == unix.ETH_P_IPV6 && f[20] == unix.IPPROTO_ICMPV6 && f[54] == 136:
		return bytes.Equal(f[62:78], a)
	case kind == unix.ETH_P_IPV6 && f[20] == unix.IPPROTO_ICMPV6 && f[54] == 129:
		return bytes.Equal(f[22:38], a)
	default:
		return false
	}
}

// A closed unit answers for its own addresses and keeps silent about those that it shares; an open one answers for
// both.
func TestAnswersForItsOwn(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		p := b.unit()
		client := openPort(t, b.client, "client0", unix.ETH_P_ALL)
		router := openPort(t, b.router, "lan", unix.ETH_P_ALL)
		for name, ask := range map[string]func(address4, address6 string) (frame []byte, of string){
			"ARP": func(a, _ string) ([]byte, string) { return arp(client.mac, 1, clientAddress, a), a },
			"ping": func(a, _ string) ([]byte, string) {
				return echo(router.mac, client.mac, clientAddress, a), a
			},
			"solicitation": func(_, a string) ([]byte, string) { return solicitation(client.mac, clientAddress6, a), a },
			"IPv6 ping": func(_, a string) ([]byte, string) {
				return echo(router.mac, client.mac, clientAddress6, a), a
			},
		} {
			for _, isOpen := range []bool{false, true, false} {
				p.set(isOpen)
				virtual, shared := ask(virtualLAN, virtualLAN6)
				own, mine := ask(ownLAN, ownLAN6)
				client.send(virtual, own)
				heard := client.collect("the answer to "+name+" of "+mine, func(f []byte) bool { return answer(f, mine) })
				answered := slices.ContainsFunc(heard, func(f []byte) bool { return answer(f, shared) })
				if answered != isOpen {
					t.Errorf("%s of the virtual address with the gate open=%t: answered %t", name, isOpen, answered)
				}
			}
		}
	})
}

// A closed unit reaches others from its own addresses, and from no other.
func TestReachesOthersFromItsOwn(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		b.unit()
		for _, c := range []struct{ client, own, virtual string }{
			{clientAddress, ownLAN, virtualLAN}, {clientAddress6, ownLAN6, virtualLAN6},
		} {
			listener := b.client.ListenUDP(t, net.JoinHostPort(c.client, "5000"))
			talk := func(from string) *net.UDPConn {
				conn := b.router.DialUDP(t, net.JoinHostPort(from, "0"), listener.LocalAddr().String())
				if _, err := conn.Write([]byte(from)); err != nil {
					t.Fatal(err)
				}
				return conn
			}
			talk(c.virtual)
			mine := talk(c.own)
			buffer := make([]byte, 64)
			_ = listener.SetReadDeadline(time.Now().Add(testbed.Timeout))
			n, from, err := listener.ReadFromUDP(buffer)
			if err != nil || string(buffer[:n]) != c.own {
				t.Fatalf("heard %q of %s, %v", buffer[:n], from, err)
			}
			if _, err := listener.WriteToUDP([]byte("heard"), from); err != nil {
				t.Fatal(err)
			}
			_ = mine.SetReadDeadline(time.Now().Add(testbed.Timeout))
			if n, err = mine.Read(buffer); err != nil || string(buffer[:n]) != "heard" {
				t.Errorf("the answer to %s is %q, %v", c.own, buffer[:n], err)
			}
		}
	})
}

// With its gate closed, a unit cannot claim what it shares, not even with raw frames; and with an open one it can.
func TestClaimsNothingShared(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		p := b.unit()
		client := openPort(t, b.client, "client0", unix.ETH_P_ALL)
		router := openPort(t, b.router, "lan", unix.ETH_P_ALL)
		virtualMAC, number := mac(b.setup.VirtualMACs[0]), uint16(0)
		claims := map[string][]byte{
			"announcement by request": arp(router.mac, 1, virtualLAN, virtualLAN),
			"announcement by answer":  arp(router.mac, 2, virtualLAN, virtualLAN),
			"advertisement":           advertisement(router.mac, ownLAN6, virtualLAN6),
			"ping":                    echo(client.mac, router.mac, virtualLAN, clientAddress),
			"IPv6 ping":               echo(client.mac, router.mac, virtualLAN6, clientAddress6),
			"ping with virtual MAC":   echo(client.mac, virtualMAC, ownLAN, clientAddress),
			"ARP with virtual MAC":    arp(virtualMAC, 1, ownLAN, clientAddress),
			"ping of another":         echo(client.mac, router.mac, serverAddress, clientAddress),
			"header alone":            ethernet(client.mac, router.mac, unix.ETH_P_IP, nil),
			"header cut off":          echo(client.mac, router.mac, ownLAN, clientAddress)[:24],
			"unknown type":            ethernet(client.mac, router.mac, 0x88cc, make([]byte, 46)),
		}
		for name, f := range maps.Clone(claims) {
			claims[name+", tagged"] = tagged(f, 42, unix.ETH_P_8021Q)
			claims[name+", tagged twice"] = tagged(f, 42, unix.ETH_P_8021AD, unix.ETH_P_8021Q)
		}
		for name, f := range claims { // Numbered at the end, since tags are taken off on the way.
			number++
			claims[name] = binary.BigEndian.AppendUint16(f, number)
		}
		// The end of what is sent is something that may pass.
		last := arp(router.mac, 1, ownLAN, clientAddress)
		for _, isOpen := range []bool{true, false} {
			p.set(isOpen)
			for _, f := range claims {
				router.send(f)
			}
			router.send(last)
			heard := client.collect("the last frame", func(f []byte) bool { return bytes.Equal(f, last) })
			for name, claim := range claims {
				got := slices.ContainsFunc(heard, func(f []byte) bool { return bytes.Equal(untagged(f), untagged(claim)) })
				if got != isOpen {
					t.Errorf("%s with the gate open=%t: heard %t", name, isOpen, got)
				}
			}
		}
	})
}

// Behind VLAN tags, and cut off anywhere, nothing gets through a closed gate but what is for the unit. What has more
// tags than the gate looks behind does not get through an open one either.
func TestTaggedAndMalformedFrames(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		p := b.unit()
		client := openPort(t, b.client, "client0", unix.ETH_P_ALL)
		router := openPort(t, b.router, "lan", unix.ETH_P_IP)
		own := echo(router.mac, client.mac, clientAddress, ownLAN)
		virtual := echo(router.mac, client.mac, clientAddress, virtualLAN)
		routed := echo(router.mac, client.mac, clientAddress, serverAddress)
		type sent struct {
			name   string
			frame  []byte
			passes bool
			never  bool // also not while the gate is open
		}
		// The ruleset of nftables looks behind one tag; behind two it lets nothing through.
		isProgram := p.kind == string(contract.FenceBPF)
		all := []sent{{"own", own, true, false}, {"virtual", virtual, false, false}, {"routed", routed, false, false}}
		for _, s := range slices.Clone(all) {
			q, ad := uint16(unix.ETH_P_8021Q), uint16(unix.ETH_P_8021AD)
			all = append(all,
				sent{s.name + " tagged", tagged(s.frame, 0, q), s.passes, false},
				sent{s.name + " tagged 802.1ad", tagged(s.frame, 0, ad), s.passes, false},
				sent{s.name + " tagged twice", tagged(s.frame, 0, q, ad), s.passes && isProgram, !isProgram},
				sent{s.name + " tagged three times", tagged(s.frame, 0, q, q, ad), s.passes && isProgram, !isProgram},
				sent{s.name + " tagged four times", tagged(s.frame, 0, q, q, q, ad), false, true})
		}
		for n := 14; n < 34; n++ {
			all = append(all, sent{fmt.Sprintf("cut off after %d bytes", n), own[:n], false, false})
		}
		for n, s := range all { // Numbered, since that is what is told apart where tags were taken off.
			if len(s.frame) > 34 {
				binary.BigEndian.PutUint16(s.frame[len(s.frame)-2:], uint16(n))
			}
		}
		for _, isOpen := range []bool{true, false} {
			p.set(isOpen)
			for _, s := range all {
				client.send(s.frame)
			}
			last := echo(router.mac, client.mac, clientAddress, ownLAN)
			last[len(last)-4] = 0xee
			client.send(last)
			heard := router.collect("the last frame", func(f []byte) bool { return len(f) > 38 && f[38] == 0xee })
			for n, s := range all {
				if len(s.frame) < 34 {
					continue // the socket is shown none: it is the kernel that drops these
				}
				got := slices.ContainsFunc(heard, func(f []byte) bool {
					return len(f) >= 42 && binary.BigEndian.Uint16(f[len(f)-2:]) == uint16(n) && f[len(f)-4] != 0xee
				})
				if got != (isOpen && !s.never || s.passes) {
					t.Errorf("%s with the gate open=%t: got through %t", s.name, isOpen, got)
				}
			}
			if short := slices.ContainsFunc(heard, func(f []byte) bool { return len(f) < 34 }); short != (isOpen && !isProgram) {
				t.Errorf("short frames with the gate open=%t: got through %t", isOpen, short)
			}
		}
	})
}

// New addresses of the unit are reached without its being told, and old ones are not any more.
func TestOwnAddressesAreFollowed(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		b.unit()
		client := openPort(t, b.client, "client0", unix.ETH_P_ALL)
		answers := func(address string) bool {
			client.send(arp(client.mac, 1, clientAddress, address), arp(client.mac, 1, clientAddress, ownLAN))
			heard := client.collect("an answer", func(f []byte) bool { return answer(f, ownLAN) })
			return slices.ContainsFunc(heard, func(f []byte) bool { return answer(f, address) })
		}
		const added = "192.0.2.77"
		if answers(added) {
			t.Fatal("an address that nobody has is answered for")
		}
		b.router.Link(t, "lan").Address(added + "/24")
		testbed.Eventually(t, "the new address is answered for", func() bool { return answers(added) })
		if answers(virtualLAN) {
			t.Error("the virtual address is answered for")
		}
	})
}

// What is addressed to the unit itself and then translated is not forwarded: answers to what was forwarded under an
// address of the unit, while its gate was open.
func TestTranslatedTrafficIsNotForwarded(t *testing.T) {
	eachKind(t, func(t *testing.T, b *bed) {
		b.router.Firewall(t, "table ip translation {\nchain postrouting {\n"+
			"type nat hook postrouting priority srcnat\noifname \"wan\" snat to "+ownWAN+"\n}\n}\n")
		p := b.unit()
		p.open(time.Minute)
		server := b.server.ListenUDP(t, serverAddress+":0")
		client := b.client.DialUDP(t, "", server.LocalAddr().String())
		buffer := make([]byte, 64)
		ask := func() net.Addr {
			if _, err := client.Write([]byte("ask")); err != nil {
				t.Fatal(err)
			}
			_ = server.SetReadDeadline(time.Now().Add(testbed.Timeout))
			_, from, err := server.ReadFrom(buffer)
			if err != nil {
				t.Fatal(err)
			}
			if host, _, _ := net.SplitHostPort(from.String()); host != ownWAN {
				t.Fatalf("the router does not translate: %s", from)
			}
			return from
		}
		say := func(to net.Addr, what string) {
			if _, err := server.WriteTo([]byte(what), to); err != nil {
				t.Fatal(err)
			}
		}
		hear := func() string {
			_ = client.SetReadDeadline(time.Now().Add(testbed.Timeout))
			n, err := client.Read(buffer)
			if err != nil {
				t.Fatal(err)
			}
			return string(buffer[:n])
		}
		router := ask()
		say(router, "open")
		if got := hear(); got != "open" {
			t.Fatalf("heard %q", got)
		}
		p.close()
		for range 10 {
			say(router, "closed")
		}
		p.open(time.Minute)
		say(router, "open again")
		if got := hear(); got != "open again" {
			t.Errorf("heard %q", got)
		}
	})
}
