package firewall

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"

	"github.com/hapair-io/hapair/internal/bounded"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/multicast"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// begin puts rules in force before any document is read. These are those of the last document in force, or else the
// base ruleset. A ruleset of an earlier process whose document is unknown stays, since it was in force.
func (f *Firewall) begin() {
	hash, err := f.config.Kernel.Document(plan.Table)
	if err != nil {
		f.config.Log.Error(err, "Reading which ruleset is in force")
	}
	if hash == "" {
		// Nothing may pass while the last document is compiled.
		f.enforceBase()
	}
	if hash != "" {
		f.config.Log.Info("Found a ruleset in force", "document", hash)
		f.inForce = hash
	}
	if err := f.recall(); err != nil {
		f.config.Log.Error(err, "Applying the last document in force")
	}
}

// enforceBase drops all traffic until there is a document.
func (f *Firewall) enforceBase() {
	base := plan.Base(f.config.ControlInterfaces)
	f.config.Log.Info("Dropping all traffic until a document is in force", "except", f.config.ControlInterfaces)
	if err := f.replace(base); err != nil {
		f.config.Log.Error(err, "Applying the base ruleset")
	}
}

// replace makes the kernel enforce a ruleset. Afterwards no change of the kernel's rules is known that would need a
// verification, unless another process made one at the same time.
func (f *Firewall) replace(r ruleset.Ruleset) error {
	f.changing.Lock()
	defer f.changing.Unlock()
	before, err := f.config.Kernel.Generation()
	if err != nil {
		return err
	}
	inputs := nftables.Inputs(r) // A later change is found by refit.
	// What another process altered at the same time is no refusal. It is restored like any other alteration.
	if err := f.config.Kernel.Replace(r); err != nil && !errors.Is(err, nftables.ErrAltered) {
		return err
	}
	f.inForce, f.applied, f.inputs = r.Document, &r, inputs
	f.generation.Store(0)
	if after, err := f.config.Kernel.Generation(); err == nil && nftables.Follows(after, before) {
		f.generation.Store(after)
	}
	return nil
}

// reconcile makes the kernel enforce the document and reports the result. Repeating it is harmless.
func (f *Firewall) reconcile() {
	f.restore()
	status := f.enforce()
	f.tryTranslation()
	status.RoutingError, status.HelperError = f.routingError(), f.helperError()
	status.MulticastError, status.Multicast = f.config.Multicast.Fault(), f.config.Multicast.Counts()
	status.DHCPError, status.DHCP = f.config.DHCP.Fault(), f.config.DHCP.Counts()
	status.DNSError, status.DNS = f.config.DNS.Fault(), f.config.DNS.Counts()
	status.NamesError, status.Names = f.config.Names.Fault(), f.config.Names.Counts()
	status.Links = f.config.WAN.Status()
	if f.reported != nil && reflect.DeepEqual(*f.reported, status) {
		return
	}
	switch {
	case status.Error == "": // The routes have a log of their own.
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

// restore replaces a ruleset that somebody altered or that no longer fits the interfaces. It reports whether it did. If
// that fails, no document is in force, and enforce applies the document like a new one.
func (f *Firewall) restore() bool {
	if f.refit() {
		return true
	}
	generation, err := f.config.Kernel.Generation()
	if err == nil && generation == f.generation.Load() {
		return false
	}
	if err == nil {
		err = f.verify()
	}
	switch {
	case err == nil:
		// The generation was read before the verification, so a later change is found by the next one.
		f.generation.Store(generation)
		return false
	case !errors.Is(err, nftables.ErrAltered):
		f.config.Log.Error(err, "Verifying the ruleset in force", "document", f.inForce)
		return false
	}
	f.restorations.log(f.config.Log, err, f.inForce)
	if f.applied == nil {
		f.inForce = ""
		f.enforceBase()
		return true
	}
	if err := f.replace(*f.applied); err != nil {
		f.config.Log.Error(err, "Restoring ruleset", "document", f.inForce)
		f.inForce, f.applied = "", nil
		f.enforceBase() // It is small, and the kernel may still have the memory for it.
		return true
	}
	f.config.Names.Restored()
	f.config.WAN.Restored()
	f.revalidator.repeat()
	return true
}

// verify returns nftables.ErrAltered unless the rules in force are those that should be. Of the ruleset of an earlier
// process only the document is known.
func (f *Firewall) verify() error {
	if f.applied != nil {
		return f.config.Kernel.Verify(*f.applied)
	}
	hash, err := f.config.Kernel.Document(plan.Table)
	if err == nil && (hash == "" || hash != f.inForce) {
		err = fmt.Errorf("%w: the table of document %q is gone", nftables.ErrAltered, f.inForce)
	}
	return err
}

// enforce reads the document, applies it if it is new and valid, and returns what is in force then.
func (f *Firewall) enforce() contract.FirewallStatus {
	data, err := readDocument(f.config.ConfigFile)
	if err != nil {
		return f.statusOf(refusal{err: err})
	}
	hash := document.Hash(data)
	switch {
	case f.applied != nil && f.inForce == hash && !f.hasNewParts():
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
	if err := f.apply(parsed, data); err != nil {
		// The refusal is not remembered, so the next reconcile tries again: the kernel may have been short of memory.
		return f.statusOf(refusal{hash: hash, err: err})
	}
	return contract.FirewallStatus{Hash: hash}
}

func (f *Firewall) statusOf(r refusal) contract.FirewallStatus {
	return contract.FirewallStatus{Hash: f.inForce, RefusedHash: r.hash, Error: r.err.Error()}
}

func (f *Firewall) apply(d document.Document, text []byte) error {
	r := plan.Compile(d)
	r.Document = document.Hash(text)
	f.gateways.Set(d) // They read the queues before rules send segments there.
	if f.inForce == r.Document && f.config.Kernel.Verify(r) == nil {
		f.applied, f.missing = &r, missingParts{}
		f.setRoutes(d)
		f.needTranslation(d)
		f.revalidator.request(d) // An earlier process may have ended before it did this.
		return nil
	}
	f.config.Log.Info("Applying document", "document", r.Document, "rules", r.Rules())
	if err := f.replaceSupported(r, d); err != nil {
		return err
	}
	f.needTranslation(d)
	f.revalidator.request(d)
	f.remember(text)
	// The rules come first: no packet takes a new route without them.
	f.setRoutes(d)
	return nil
}

// setRoutes sets where packets go: routes, links to the Internet, the neighbours that no protocol finds, and multicast.
// It also sets what the unit does for hosts and names.
func (f *Firewall) setRoutes(d document.Document) {
	f.config.Routes.Set(plan.CompileRouting(d))
	f.config.WAN.Set(d)
	f.config.Neighbours.Set(d.Neighbours)
	if m := d.Multicast; m.IsEnabled() {
		f.config.Multicast.Set(&multicast.Config{Upstream: m.Upstream, Downstream: m.Downstream, Groups: m.Groups})
	} else {
		f.config.Multicast.Set(nil)
	}
	f.config.DHCP.Set(d.DHCP.Networks, d.DHCPv6.Networks)
	f.config.Advertiser.Set(d.AdvertisedNetworks())
	f.config.DNS.Set(d.DNS)
	f.config.Names.Set(d)
}

// routingError returns which routes, neighbours, links and router advertisements are missing; empty if none is.
func (f *Firewall) routingError() string {
	return joinFaults(f.config.Routes.Fault(), f.config.Neighbours.Fault(), f.config.WAN.Fault(),
		f.config.Advertiser.Fault())
}

// helperError returns which helpers of services are missing; empty if none is.
func (f *Firewall) helperError() string {
	return joinFaults(f.missing.fault, f.gateways.Fault(), f.translation.fault)
}

func readDocument(path string) ([]byte, error) {
	text, err := bounded.ReadFile(path, document.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no document exists at %s; waiting for one", path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the document: %w", err)
	}
	return text, nil
}
