package nftables

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// renewal is what the kernel does if an element that exists is added again with other times.
type renewal uint8

const (
	// renewalUnknown is the state before the kernel was asked.
	renewalUnknown renewal = iota
	// renewalInPlace gives the element the new times (since Linux 6.12).
	renewalInPlace
	// renewalIgnored leaves the element as it is, and reports a success.
	renewalIgnored
)

// The trial adds an element twice, with two timeouts, in a table of its own. The transaction that adds the table also
// deletes it, so that it never lasts.
const (
	renewalTrialTable = "hapair-renewal-trial"
	renewalTrialSet   = "trial"
	firstTimeout      = time.Hour
	secondTimeout     = 2 * time.Hour
)

// renewsInPlace reports whether the kernel renews elements in place. It asks the kernel once. If the trial itself
// fails, it returns false and asks again the next time. The caller uses the socket.
func (s *socket) renewsInPlace() bool {
	if s.renewal == renewalUnknown {
		found, err := tryRenewal(s.raw)
		if err != nil {
			_ = s.drain() // If this fails too, so does the next request, which reports it.
			return false
		}
		s.renewal = found
	}
	return s.renewal == renewalInPlace
}

// tryRenewal asks the kernel what it does. The kernel echoes what the transaction changed, and then acknowledges its
// last message.
func tryRenewal(conn *netlink.Conn) (renewal, error) {
	batch, err := renewalTrial()
	if err != nil {
		return renewalUnknown, err
	}
	if _, err := conn.SendMessages(batch); err != nil {
		return renewalUnknown, err
	}
	for found := renewalIgnored; ; {
		answers, err := conn.Receive()
		if err != nil {
			return renewalUnknown, err
		}
		for _, m := range answers {
			switch {
			case m.Header.Type == netlink.Error: // It is the acknowledgement: Receive returns errors as such.
				return found, nil
			case isRenewed(m):
				found = renewalInPlace
			}
		}
	}
}

// isRenewed reports whether a notification is about the element of the trial with its second timeout.
func isRenewed(m netlink.Message) (renewed bool) {
	if m.Header.Type != unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWSETELEM || len(m.Data) < messageHeaderBytes {
		return false
	}
	_ = eachElement(nested(m.Data[messageHeaderBytes:]), 0, func(e Element) error {
		renewed = renewed || e.Timeout == secondTimeout
		return nil
	})
	return renewed
}

// renewalTrial returns the transaction of the trial.
func renewalTrial() (batch []netlink.Message, err error) {
	const keyBytes, setID = 4, 1
	add := func(kind uint16, flags netlink.HeaderFlags, attributes ...netlink.Attribute) {
		encoded, failed := netlink.MarshalAttributes(attributes)
		err = errors.Join(err, failed)
		batch = append(batch, request(kind, netlink.Request|flags, unix.NFPROTO_INET, encoded))
	}
	number := func(kind uint16, n uint32) netlink.Attribute {
		return netlink.Attribute{Type: kind, Data: binary.BigEndian.AppendUint32(nil, n)}
	}
	batch = append(batch, frame(unix.NFNL_MSG_BATCH_BEGIN))
	add(unix.NFT_MSG_NEWTABLE, netlink.Create, named(tableOf, renewalTrialTable))
	add(unix.NFT_MSG_NEWSET, netlink.Create,
		named(unix.NFTA_SET_TABLE, renewalTrialTable), named(unix.NFTA_SET_NAME, renewalTrialSet),
		number(unix.NFTA_SET_FLAGS, unix.NFT_SET_TIMEOUT), number(unix.NFTA_SET_KEY_LEN, keyBytes),
		number(unix.NFTA_SET_ID, setID))
	for _, timeout := range []time.Duration{firstTimeout, secondTimeout} {
		e := Element{Key: make([]byte, keyBytes), Timeout: timeout, Remaining: timeout}
		attributes, failed := e.inSet(renewalTrialTable, renewalTrialSet, false)
		err = errors.Join(err, failed)
		add(unix.NFT_MSG_NEWSETELEM, netlink.Create|netlink.Echo, attributes...)
	}
	add(unix.NFT_MSG_DELTABLE, netlink.Acknowledge, named(tableOf, renewalTrialTable))
	return append(batch, frame(unix.NFNL_MSG_BATCH_END)), err
}
