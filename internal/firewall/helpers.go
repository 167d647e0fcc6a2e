package firewall

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// missingHelpers are the helpers of the document in force that the kernel does not have. The document is in force
// without them: a missing module must not keep a change of its policies out of force.
type missingHelpers struct {
	helpers []ruleset.Helper
	// fault names their services.
	fault string
}

// replaceSupported enforces a ruleset of a document. It leaves out helpers that the kernel does not have.
func (f *Firewall) replaceSupported(r ruleset.Ruleset, d document.Document) error {
	err := f.replace(r)
	if err == nil {
		f.missing = missingHelpers{}
	}
	if len(r.Helpers) == 0 || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	missing, failed := f.config.Kernel.MissingHelpers(r.Helpers)
	if failed != nil || len(missing) == 0 {
		return errors.Join(err, failed)
	}
	fault := plan.DescribeMissing(d, missing)
	f.config.Log.Error(errors.New(fault), "Applying document without helpers", "document", r.Document)
	if err := f.replace(r.WithHelpers(namesExcept(r.Helpers, missing))); err != nil {
		return err
	}
	f.missing = missingHelpers{helpers: missing, fault: fault}
	return nil
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

// hasNewHelpers reports whether the kernel has a helper that was missing, such as after its module was loaded.
func (f *Firewall) hasNewHelpers() bool {
	if len(f.missing.helpers) == 0 {
		return false
	}
	missing, err := f.config.Kernel.MissingHelpers(f.missing.helpers)
	return err == nil && len(missing) < len(f.missing.helpers)
}
