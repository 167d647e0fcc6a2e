package firewall

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/contract"
)

// adopt finds out what the kernel enforces from an earlier life of the container.
func (f *Firewall) adopt() {
	hash, err := f.config.Kernel.Document(plan.Table)
	if err != nil {
		f.config.Log.Error(err, "Looking for a ruleset in force")
		return
	}
	if hash != "" {
		f.config.Log.Info("Finding a ruleset in force", "document", hash)
		f.inForce = hash
	}
}

// reconcile makes the kernel enforce the document, and reports. It is harmless to repeat.
func (f *Firewall) reconcile() {
	f.keep()
	status := f.judge()
	if f.reported != nil && *f.reported == status {
		return
	}
	switch {
	case status.Error == "":
	case status.Hash == "" && status.RefusedHash == "":
		// So begins every pod: what is to be enforced is handed over when the sidecar runs.
		f.config.Log.Info("Waiting for a document", "why", status.Error)
	default:
		f.config.Log.Error(errors.New(status.Error), "Keeping the document in force",
			"document", status.Hash, "refused", status.RefusedHash)
	}
	if err := writeStatus(f.config.StatusFile, status); err != nil {
		f.config.Log.Error(err, "Reporting the document in force")
		return
	}
	f.reported = &status
}

// keep restores the ruleset in force if somebody altered it. If that fails there is none in force, and the document is
// applied like a new one.
func (f *Firewall) keep() {
	if f.applied == nil {
		return
	}
	generation, err := f.config.Kernel.Generation()
	if err == nil && generation == f.generation {
		return
	}
	err = errors.Join(err, f.config.Kernel.Verify(*f.applied))
	switch {
	case err == nil:
		// The generation from before the look: a change since then is seen at the next one.
		f.generation = generation
	case errors.Is(err, nftables.ErrAltered):
		f.config.Log.Error(err, "Restoring ruleset", "document", f.applied.Document)
		if err := f.config.Kernel.Replace(*f.applied); err != nil {
			f.config.Log.Error(err, "Restoring ruleset", "document", f.applied.Document)
			f.inForce, f.applied = "", nil
		}
	default:
		f.config.Log.Error(err, "Looking for the ruleset in force", "document", f.applied.Document)
	}
}

// judge reads the document, applies it if it is new and good, and says what is in force then.
func (f *Firewall) judge() contract.FirewallStatus {
	data, err := readDocument(f.config.ConfigFile)
	if err != nil {
		return f.refuse(refusal{err: err})
	}
	hash := document.Hash(data)
	switch {
	case f.applied != nil && f.inForce == hash:
		f.refused = refusal{}
		return contract.FirewallStatus{Hash: hash}
	case f.refused.hash == hash:
		return f.refuse(f.refused)
	}
	parsed, err := document.Parse(data)
	if err != nil {
		f.refused = refusal{hash: hash, err: err}
		return f.refuse(f.refused)
	}
	f.refused = refusal{}
	if err := f.apply(parsed, hash); err != nil {
		// Not remembered, and so tried again at the next occasion: the kernel may have been short of memory.
		return f.refuse(refusal{hash: hash, err: err})
	}
	return contract.FirewallStatus{Hash: hash}
}

func (f *Firewall) refuse(r refusal) contract.FirewallStatus {
	return contract.FirewallStatus{Hash: f.inForce, RefusedHash: r.hash, Error: r.err.Error()}
}

func (f *Firewall) apply(d document.Document, hash string) error {
	r := plan.Compile(d)
	r.Document = hash
	f.config.Log.Info("Applying document", "document", hash, "rules", r.Rules())
	if err := f.config.Kernel.Replace(r); err != nil {
		return err
	}
	f.inForce, f.applied = hash, &r
	return nil
}

func readDocument(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no document at %s; waiting for one", path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the document: %w", err)
	}
	defer func() { _ = file.Close() }()
	// One byte more than is allowed, for the parser to see that it is too much.
	data, err := io.ReadAll(io.LimitReader(file, document.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the document: %w", err)
	}
	return data, nil
}
