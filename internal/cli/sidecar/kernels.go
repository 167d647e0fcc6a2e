package sidecar

import (
	"errors"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/kernel/xfrm"
)

// kernels are the sidecar's connections to the kernel's network configuration. A connection carries one request at a
// time, and a list of routes or addresses is one request. So what a takeover waits for has a connection of its own.
type kernels struct {
	gate, addresses, others *rtnetlink.Conn
	policies                *xfrm.Policies
}

// dialKernels opens the connections.
func dialKernels() (k kernels, err error) {
	for _, conn := range []**rtnetlink.Conn{&k.gate, &k.addresses, &k.others} {
		if *conn, err = rtnetlink.Dial(); err != nil {
			return kernels{}, errors.Join(err, k.close())
		}
	}
	if k.policies, err = xfrm.OpenPolicies(); err != nil {
		return kernels{}, errors.Join(err, k.close())
	}
	return k, nil
}

// close closes the connections that are open.
func (k kernels) close() error {
	var errs []error
	for _, conn := range []*rtnetlink.Conn{k.gate, k.addresses, k.others} {
		if conn != nil {
			errs = append(errs, conn.Close())
		}
	}
	if k.policies != nil {
		errs = append(errs, k.policies.Close())
	}
	return errors.Join(errs...)
}
