package firewall

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// missingParts are the parts of the document in force that the kernel does not have. The document is in force without
// them: a missing module must not keep a change of its policies out of force.
type missingParts struct {
	helpers []ruleset.Helper
	// queues is set if no rule can send segments to the application gateways.
	queues bool
	// fault names their services.
	fault string
}

func (m missingParts) isEmpty() bool { return len(m.helpers) == 0 && !m.queues }

// replaceSupported enforces a ruleset of a document. It leaves out what the kernel does not have.
func (f *Firewall) replaceSupported(r ruleset.Ruleset, d document.Document) error {
	var missing missingParts
	err := f.replace(r)
	if errors.Is(err, nftables.ErrNoQueue) {
		missing.queues = true
		r = r.WithoutQueues()
		err = f.replace(r)
	}
	if errors.Is(err, fs.ErrNotExist) && len(r.Helpers) > 0 {
		helpers, failed := f.config.Kernel.MissingHelpers(r.Helpers)
		if failed != nil || len(helpers) == 0 {
			return errors.Join(err, failed)
		}
		missing.helpers = helpers
		err = f.replace(r.WithHelpers(namesExcept(r.Helpers, helpers)))
	}
	if err != nil {
		return err
	}
	if !missing.isEmpty() {
		missing.fault = describeMissing(d, missing)
		f.config.Log.Error(errors.New(missing.fault), "Applied document without helpers", "document", r.Document)
	}
	f.missing = missing
	return nil
}

func describeMissing(d document.Document, m missingParts) string {
	faults := []string{plan.DescribeMissing(d, m.helpers)}
	if m.queues {
		for _, g := range plan.Gateways() {
			faults = append(faults, plan.DescribeUnavailable(d, g, nftables.ErrNoQueue.Error()+"; load one of them on the node"))
		}
	}
	return joinFaults(faults...)
}

// joinFaults returns all faults that are not empty.
func joinFaults(faults ...string) string {
	return strings.Join(slices.DeleteFunc(faults, func(s string) bool { return s == "" }), "; ")
}

// namesExcept returns the names of the helpers that are not missing.
func namesExcept(helpers, missing []ruleset.Helper) (names []string) {
	for _, h := range helpers {
		if !slices.Contains(missing, h) {
			names = append(names, h.Name)
		}
	}
	return names
}

// hasNewParts reports whether the kernel has something that was missing, such as after a module was loaded.
func (f *Firewall) hasNewParts() bool {
	if f.missing.queues {
		if has, err := f.config.Kernel.HasQueue(); err == nil && has {
			return true
		}
	}
	if len(f.missing.helpers) == 0 {
		return false
	}
	missing, err := f.config.Kernel.MissingHelpers(f.missing.helpers)
	return err == nil && len(missing) < len(f.missing.helpers)
}
