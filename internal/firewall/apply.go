package firewall

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
)

// adopt reads from the kernel which document an earlier process of the container applied.
func (f *Firewall) adopt() {
	hash, err := f.config.Kernel.Document(plan.Table)
	if err != nil {
		f.config.Log.Error(err, "Reading which ruleset is in force")
		return
	}
	if hash != "" {
		f.config.Log.Info("Found a ruleset in force", "document", hash)
		f.inForce = hash
	}
}

// reconcile makes the kernel enforce the document and reports the result. Repeating it is harmless.
func (f *Firewall) reconcile() {
	f.restore()
	status := f.enforce()
	if f.reported != nil && *f.reported == status {
		return
	}
	switch {
	case status.Error == "":
	case status.Hash == "" && status.RefusedHash == "":
		// Every pod starts like this: the sidecar delivers the document once it runs.
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

// restore replaces a ruleset that somebody altered. If that fails, no document is in force, and enforce applies the
// document like a new one.
func (f *Firewall) restore() {
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
		// The generation was read before the verification, so a later change is found by the next one.
		f.generation = generation
	case errors.Is(err, nftables.ErrAltered):
		f.config.Log.Error(err, "Restoring ruleset", "document", f.applied.Document)
		if err := f.config.Kernel.Replace(*f.applied); err != nil {
			f.config.Log.Error(err, "Restoring ruleset", "document", f.applied.Document)
			f.inForce, f.applied = "", nil
		}
	default:
		f.config.Log.Error(err, "Verifying the ruleset in force", "document", f.applied.Document)
	}
}

// enforce reads the document, applies it if it is new and valid, and returns what is in force then.
func (f *Firewall) enforce() contract.FirewallStatus {
	data, err := readDocument(f.config.ConfigFile)
	if err != nil {
		return f.statusOf(refusal{err: err})
	}
	hash := document.Hash(data)
	switch {
	case f.applied != nil && f.inForce == hash:
		f.refused = refusal{}
		return contract.FirewallStatus{Hash: hash}
	case f.refused.hash == hash:
		return f.statusOf(f.refused)
	}
	parsed, err := document.Parse(data)
	if err != nil {
		f.refused = refusal{hash: hash, err: err}
		return f.statusOf(f.refused)
	}
	f.refused = refusal{}
	if err := f.apply(parsed, hash); err != nil {
		// The refusal is not remembered, so the next reconcile tries again: the kernel may have been short of memory.
		return f.statusOf(refusal{hash: hash, err: err})
	}
	return contract.FirewallStatus{Hash: hash}
}

func (f *Firewall) statusOf(r refusal) contract.FirewallStatus {
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
		return nil, fmt.Errorf("no document exists at %s; waiting for one", path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the document: %w", err)
	}
	defer func() { _ = file.Close() }()
	// One byte more than allowed, so that the parser can refuse a document that is too long.
	data, err := io.ReadAll(io.LimitReader(file, document.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the document: %w", err)
	}
	return data, nil
}
