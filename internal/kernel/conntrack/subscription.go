package conntrack

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// silentGroup is a group of conntrack notifications to which the kernel sends nothing: it reports new and ended
// expectations, but no changed ones.
const silentGroup = unix.NFNLGRP_CONNTRACK_EXP_UPDATE

// openSubscription opens a socket that makes the entries of its network namespace report events for as long as it is
// open.
//
// The kernel decides about events when it creates an entry: with net.netfilter.nf_conntrack_events=2, the default since
// Linux 5.18, an entry gets the extension that events need only if some socket has joined any group of conntrack
// (nf_ct_ecache_ext_add). From Linux 6.3 on, the socket may be in any namespace, before only in that of the entry. An
// entry without the extension never reports anything, also to a listener that comes later.
func openSubscription() (*socket, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	if err := s.join(silentGroup); err != nil {
		return nil, errors.Join(fmt.Errorf("subscribing to conntrack events: %w", err), s.close())
	}
	return s, nil
}
