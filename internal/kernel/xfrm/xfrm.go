// Package xfrm asks the kernel for what IPsec needs, ESP and interfaces for tunnels, and for policies that drop
// packets. It reads and sets the sequence numbers of SAs. charon sets SAs and policies.
//
//	xfrm.go      what the kernel can do, and the interface of tunnels
//	policies.go  policies that drop packets
//	counters.go  the sequence numbers of an SA, and how the kernel encodes them
//	table.go     requests to the kernel about SAs
//	events.go    notifications of changed SAs
package xfrm

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// trialSPI is the SPI of the SA that Try adds. Those below 256 are reserved (RFC 4303), so that charon never uses it.
const trialSPI = 255

// trialInterface is the name of the interface that Try adds.
const trialInterface = "ipsec-trial"

// trialKeyBytes is the length of a key of AES-GCM with 256 bits, and its salt (RFC 4106).
const trialKeyBytes = 36

// tagBits is the length of a tag of AES-GCM.
const tagBits = 128

// Try returns why the kernel cannot encrypt packets of tunnels, by adding an SA and an interface to the network
// namespace of the calling thread. It removes both.
func Try() (err error) {
	handle, err := netlink.NewHandle(unix.NETLINK_XFRM, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("opening a netlink socket: %w", err)
	}
	defer handle.Close()
	key := make([]byte, trialKeyBytes)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	loopback := net.IPv4(127, 0, 0, 1)
	sa := &netlink.XfrmState{
		Src: loopback, Dst: loopback, Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TUNNEL, Spi: trialSPI,
		Aead: &netlink.XfrmStateAlgo{Name: "rfc4106(gcm(aes))", Key: key, ICVLen: tagBits},
	}
	if err := handle.XfrmStateAdd(sa); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("adding an SA of ESP with AES-GCM: %w", err)
	}
	if err := handle.XfrmStateDel(sa); err != nil {
		return fmt.Errorf("removing the SA of a trial: %w", err)
	}
	link := &netlink.Xfrmi{LinkAttrs: netlink.LinkAttrs{Name: trialInterface}, Ifid: trialSPI}
	if err := handle.LinkAdd(link); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("adding an interface of type xfrm: %w", err)
	}
	if err := handle.LinkDel(link); err != nil {
		return fmt.Errorf("removing the interface of a trial: %w", err)
	}
	return nil
}

// EnsureInterface adds an interface for the SAs with an interface ID to the network namespace of the calling thread,
// and sets it up. One that exists stays.
func EnsureInterface(name string, id uint32, mtu int) error {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("opening a netlink socket: %w", err)
	}
	defer handle.Close()
	link := &netlink.Xfrmi{LinkAttrs: netlink.LinkAttrs{Name: name, MTU: mtu}, Ifid: id}
	if err := handle.LinkAdd(link); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("adding interface %s of type xfrm: %w", name, err)
	}
	if err := handle.LinkSetUp(link); err != nil {
		return fmt.Errorf("setting interface %s up: %w", name, err)
	}
	return nil
}
