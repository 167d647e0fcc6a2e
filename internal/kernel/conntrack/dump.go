package conntrack

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// dumpDatagrams is the number of datagrams received at once. While the kernel hands over one it prepares the next two.
const dumpDatagrams = 2

// Dump calls visit for every IPv4 and IPv6 entry of the table. The kernel changes the table while visit runs. The dump
// may miss such a change. A caller that must not miss any starts a Listener first.
func Dump(ctx context.Context, visit func(Flow) error) error {
	var flow Flow
	return dumpAll(ctx, messageGet, messageNew, func(m message) error {
		if err := m.decode(&flow); err != nil {
			return fmt.Errorf("dumping conntrack: %w", err)
		}
		return visit(flow)
	})
}

// dumpAll sends a request with a socket of its own, and calls visit for each message of a type in the answer.
func dumpAll(ctx context.Context, request, answer uint16, visit func(message) error) error {
	s, err := openSocket()
	if err != nil {
		return err
	}
	return errors.Join(dump(ctx, s, request, answer, visit), s.close())
}

func dump(ctx context.Context, s *socket, request, answer uint16, visit func(message) error) error {
	var b builder
	b.end(b.begin(request, unix.NLM_F_DUMP, 1, unix.AF_UNSPEC))
	if err := s.send(b.bytes); err != nil {
		return fmt.Errorf("asking for a dump of conntrack: %w", err)
	}
	in := newReceiver(s, dumpDatagrams, largeDatagram)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := in.receiveAnswer(); err != nil {
			return fmt.Errorf("dumping conntrack: %w", err)
		}
		for k := range in.received {
			b, err := in.datagram(k)
			if err != nil {
				return fmt.Errorf("dumping conntrack: %w", err)
			}
			done, err := visitAll(b, answer, visit)
			if done || err != nil {
				return err
			}
		}
	}
}

func visitAll(b []byte, answer uint16, visit func(message) error) (done bool, err error) {
	for len(b) > 0 {
		var m message
		if m, b, err = nextMessage(b); err != nil {
			return false, fmt.Errorf("dumping conntrack: %w", err)
		}
		switch m.kind {
		case unix.NLMSG_DONE, unix.NLMSG_ERROR:
			if err := m.result(); err != nil {
				return false, fmt.Errorf("dumping conntrack: %w", err)
			}
			return true, nil
		case answer:
			if err := visit(m); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}
