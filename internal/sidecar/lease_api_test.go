//go:build apiserver

package sidecar

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/lease"
	"github.com/hapair-io/hapair/test/poll"
)

// garbledLeases are what somebody writes into the Lease of a pair, by the name of the Lease.
var garbledLeases = map[string]func(*coordinationv1.LeaseSpec){
	"with-the-largest-term": func(s *coordinationv1.LeaseSpec) { s.LeaseTransitions = new(int32(math.MaxInt32)) },
	"without-a-term":        func(s *coordinationv1.LeaseSpec) { s.LeaseTransitions = nil },
	"with-an-unknown-holder-in-the-largest-term": func(s *coordinationv1.LeaseSpec) {
		s.HolderIdentity, s.LeaseTransitions = new("nobody/knows"), new(int32(math.MaxInt32))
	},
}

const (
	// recovery bounds how long a pair takes to recover, also on a machine that is busy. A holder that is unknown is waited
	// for, as long as its lease lasts.
	recovery = 20 * time.Second
	// fewTerms bounds the terms of the test. Each of them is a change of the active.
	fewTerms = 10
)

// leased is a pair whose Lease is in a real API server.
type leased struct {
	t     *testing.T
	admin client.Client
	name  string
	units []*life
}

// newLeased starts a pair with a Lease of its own.
func newLeased(t *testing.T, config *rest.Config, admin client.Client, name string) *leased {
	t.Helper()
	p := &leased{t: t, admin: admin, name: name}
	empty := &coordinationv1.Lease{}
	empty.Namespace, empty.Name = "default", name
	if err := admin.Create(t.Context(), empty); err != nil {
		t.Fatal(err)
	}
	joined := &link{}
	for index := range 2 {
		witness, err := lease.New(config, lease.Config{
			Namespace: "default", Name: name, Timeout: leaseDuration / 3, Silence: time.Minute, Log: testr.New(t),
		})
		if err != nil {
			t.Fatal(err)
		}
		p.units = append(p.units, startWith(t, witness, joined, index, ha.Config{}))
	}
	return p
}

// read returns the Lease.
func (p *leased) read() *coordinationv1.Lease {
	p.t.Helper()
	l := &coordinationv1.Lease{}
	if err := p.admin.Get(p.t.Context(), client.ObjectKey{Namespace: "default", Name: p.name}, l); err != nil {
		p.t.Fatal(err)
	}
	return l
}

// awaitActive waits until a unit is active and the Lease names it, in a term that units can have reached.
func (p *leased) awaitActive() (active *life, term int32) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), recovery)
	defer cancel()
	err := poll.Until(ctx, recovery/1000, "a unit is active", func(context.Context) error {
		spec := p.read().Spec
		holder := ha.Incarnation(ptr.Deref(spec.HolderIdentity, ""))
		held := slices.IndexFunc(p.units, func(u *life) bool { return u.end.self == holder && u.role() == ha.Active })
		term = ptr.Deref(spec.LeaseTransitions, 0)
		if held < 0 || term < 1 || term > fewTerms {
			return fmt.Errorf("the Lease names %q in term %d", holder, term)
		}
		active = p.units[held]
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return active, term
}

// change writes the Lease as a person does. The active may renew it meanwhile.
func (p *leased) change(do func(*coordinationv1.LeaseSpec)) {
	p.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		l := p.read()
		do(&l.Spec)
		return p.admin.Update(p.t.Context(), l)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// tryGarbledLease checks that a pair repairs its Lease and has one active, and that the role can move afterwards.
func tryGarbledLease(t *testing.T, p *leased, garble func(*coordinationv1.LeaseSpec)) {
	_, before := p.awaitActive()
	p.change(garble)
	garbledAt := time.Now()
	active, term := p.awaitActive()
	t.Logf("The pair recovered after %s in term %d, and was in term %d", time.Since(garbledAt), term, before)
	if term < before {
		t.Errorf("the term is %d, after %d", term, before)
	}
	active.stop()
	<-active.done
	if next, later := p.awaitActive(); next == active || later <= term {
		t.Errorf("the role did not move: the term is %d, after %d", later, term)
	}
}
