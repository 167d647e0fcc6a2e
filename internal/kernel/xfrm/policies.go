package xfrm

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Policies lists the IPsec policies of the network namespace in which it was opened.
type Policies struct {
	// handle is nil if the kernel has no IPsec, and so no policies.
	handle *netlink.Handle
	// socket carries the requests that the library has no call for.
	socket *nl.SocketHandle
}

// OpenPolicies opens a connection to the network namespace of the calling thread.
func OpenPolicies() (*Policies, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_XFRM)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return &Policies{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket of IPsec: %w", err)
	}
	socket, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_XFRM)
	if err != nil {
		handle.Close()
		return nil, fmt.Errorf("opening a netlink socket of IPsec: %w", err)
	}
	return &Policies{handle: handle, socket: &nl.SocketHandle{Socket: socket}}, nil
}

// Close closes the connection.
func (p *Policies) Close() error {
	if p.handle != nil {
		p.handle.Close()
		p.socket.Close()
	}
	return nil
}

// Blocking returns the policies that only drop packets, and each direction whose default does. It leaves out the
// policies of sockets.
func (p *Policies) Blocking() ([]string, error) {
	if p.handle == nil {
		return nil, nil
	}
	all, err := p.handle.XfrmPolicyList(netlink.FAMILY_ALL)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // The next look sees what this one missed.
		return nil, fmt.Errorf("listing IPsec policies: %w", err)
	}
	var blocking []string
	for _, policy := range all {
		if policy.Action == netlink.XFRM_POLICY_BLOCK && policy.Dir <= netlink.XFRM_DIR_FWD {
			blocking = append(blocking, fmt.Sprintf("src %s dst %s dir %s", policy.Src, policy.Dst, policy.Dir))
		}
	}
	return append(blocking, p.blockingDefaults()...), nil
}

// The message that returns the defaults of policies, and the value of a default that drops packets
// (include/uapi/linux/xfrm.h, since Linux 5.14).
const (
	messageGetDefault = 0x28
	defaultBlocks     = 1
)

// defaults is struct xfrm_userpolicy_default: what becomes of packets without a policy.
type defaults [3]byte

func (defaults) Len() int            { return len(defaults{}) }
func (d defaults) Serialize() []byte { return d[:] }

// blockingDefaults returns the directions in which packets without a policy are dropped. A kernel that does not know
// the request has no such defaults.
func (p *Policies) blockingDefaults() []string {
	request := nl.NewNetlinkRequest(messageGetDefault, unix.NLM_F_ACK)
	request.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_XFRM: p.socket}
	request.AddData(defaults{})
	replies, err := request.Execute(unix.NETLINK_XFRM, messageGetDefault)
	if err != nil || len(replies) != 1 || len(replies[0]) < len(defaults{}) {
		return nil
	}
	var blocking []string
	for i, direction := range []string{"in", "fwd", "out"} {
		if replies[0][i] == defaultBlocks {
			blocking = append(blocking, "default of dir "+direction)
		}
	}
	return blocking
}
