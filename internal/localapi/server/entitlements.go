package server

import (
	"net/http"
	"slices"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/localapi"
)

// getEntitlements answers with what the provider may do with each of its classes.
func (s *Server) getEntitlements(w http.ResponseWriter, r *request) *localapi.Problem {
	answer := localapi.Entitlements{Classes: []localapi.Entitlement{}}
	for _, name := range slices.Concat(r.provider.Writes, r.provider.Reads) {
		c, ok := s.class(name)
		if !ok {
			continue
		}
		e := c.entitlement(r.provider.MayWrite(name))
		if c.kernel != nil {
			e.AddressObjects = r.provider.AddressObjects
		}
		answer.Classes = append(answer.Classes, e)
	}
	writeJSON(w, answer)
	return nil
}

// entitlement returns what a provider may do with the class. A class of the kernel has no revisions to report, and no
// quota: the bounds of its objects are those of the kernel's sets.
func (c class) entitlement(mayWrite bool) localapi.Entitlement {
	e := localapi.Entitlement{Class: c.name}
	for _, o := range localapi.Operations() {
		if o.HasClass() && (mayWrite || !o.IsWrite()) && (c.kernel == nil || o.ID != "putHeld") {
			e.Operations = append(e.Operations, o.ID)
		}
	}
	if c.kernel != nil {
		return e
	}
	used, bounds := c.table.Usage(c.prefix), localapi.Bounds()
	e.Used = localapi.Quantity{Entries: used.Entries, Bytes: used.Bytes}
	e.Quota = localapi.Quantity{Entries: bounds.ClassEntries, Bytes: bounds.ClassBytes}
	if c.quota != (table.Quota{}) {
		e.Quota = localapi.Quantity{Entries: c.quota.Entries, Bytes: c.quota.Bytes}
	}
	return e
}
