package firewall

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/multicast"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
)

const (
	good = `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",` +
		`"spec":{"zones":[{"name":"lan","interfaces":["lan"]}]}}`
	better = `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",` +
		`"spec":{"zones":[{"name":"lan","interfaces":["lan","wan"]}]}}`
	bad = `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",` +
		`"spec":{"zones":[{"name":"lan","interfaces":["lo"]}]}}`
)

// fakeKernel enforces every ruleset, unless refusal is set.
type fakeKernel struct {
	document   string
	generation uint32
	replaced   int
	refusal    error
	// lacks is the type of a helper that the kernel does not have; empty if it has all.
	lacks string
	// lacksQueues is set if rules cannot send packets to a queue.
	lacksQueues bool
	// applied is the last ruleset, and altered is set when the rules are not those of the document.
	applied ruleset.Ruleset
	altered bool
	// beforeForget is called before sources are forgotten; it may be nil.
	beforeForget func()
}

func (k *fakeKernel) Replace(r ruleset.Ruleset) error {
	if k.refusal != nil {
		return k.refusal
	}
	if k.lacksQueues && r.HasQueue() {
		return nftables.ErrNoQueue
	}
	if missing, _ := k.MissingHelpers(r.Helpers); len(missing) > 0 {
		return fs.ErrNotExist
	}
	k.replaced++
	k.generation++
	k.document, k.applied, k.altered = r.Document, r, false
	return nil
}

func (k *fakeKernel) Verify(r ruleset.Ruleset) error {
	if k.document != r.Document || k.altered || len(k.applied.Helpers) != len(r.Helpers) {
		return nftables.ErrAltered
	}
	return nil
}

func (k *fakeKernel) Generation() (uint32, error)     { return k.generation, nil }
func (k *fakeKernel) Document(string) (string, error) { return k.document, nil }

func (k *fakeKernel) MissingHelpers(helpers []ruleset.Helper) (missing []ruleset.Helper, err error) {
	for _, h := range helpers {
		if h.Type == k.lacks {
			missing = append(missing, h)
		}
	}
	return missing, nil
}

func (k *fakeKernel) HasQueue() (bool, error) { return !k.lacksQueues, nil }

func (k *fakeKernel) ForgetSources(string, []ruleset.SourceCache) (done bool, err error) {
	if k.beforeForget != nil {
		k.beforeForget()
	}
	if k.document == "" {
		return false, nil
	}
	k.generation++
	return true, nil
}

func (k *fakeKernel) FollowTable(ctx context.Context, _ string, _ func()) error {
	<-ctx.Done()
	return nil
}

// alter changes the rules behind the firewall's back.
func (k *fakeKernel) alter(document string) {
	k.document, k.altered = document, true
	k.generation++
}

// fakeRoutes records what was set, and reports the fault that a test gives it.
type fakeRoutes struct {
	set   []plan.Routing
	fault string
}

func (r *fakeRoutes) Set(wanted plan.Routing)  { r.set = append(r.set, wanted) }
func (r *fakeRoutes) Fault() string            { return r.fault }
func (r *fakeRoutes) Changed() <-chan struct{} { return nil }
func (r *fakeRoutes) Run(ctx context.Context)  { <-ctx.Done() }

// fakeNames does nothing.
type fakeNames struct{}

func (fakeNames) Set(document.Document) {}
func (fakeNames) Fault() string         { return "no resolver answers" }

func (fakeNames) Counts() contract.NameCounts { return contract.NameCounts{Resolved: 2} }

func (fakeNames) Restored() {}

func (fakeNames) Run(ctx context.Context) { <-ctx.Done() }

// fakeWAN has no links.
type fakeWAN struct{}

func (fakeWAN) Set(document.Document)         {}
func (fakeWAN) Status() []contract.LinkStatus { return nil }
func (fakeWAN) Fault() string                 { return "" }
func (fakeWAN) Changed() <-chan struct{}      { return nil }
func (fakeWAN) Restored()                     {}
func (fakeWAN) Run(ctx context.Context)       { <-ctx.Done() }

// fakeNeighbours records what was set last.
type fakeNeighbours struct {
	set   []document.Neighbour
	fault string
}

func (n *fakeNeighbours) Set(wanted []document.Neighbour) { n.set = wanted }
func (n *fakeNeighbours) Fault() string                   { return n.fault }
func (n *fakeNeighbours) Changed() <-chan struct{}        { return nil }
func (n *fakeNeighbours) Run(ctx context.Context)         { <-ctx.Done() }

// fakeDHCP records what was set last.
type fakeDHCP struct {
	set      []document.DHCPNetwork
	informed []document.DHCPv6Network
	fault    string
}

func (d *fakeDHCP) Set(networks []document.DHCPNetwork, informed []document.DHCPv6Network) {
	d.set, d.informed = networks, informed
}

func (d *fakeDHCP) Fault() string               { return d.fault }
func (d *fakeDHCP) Counts() contract.DHCPCounts { return contract.DHCPCounts{Leases: 4} }
func (d *fakeDHCP) Changed() <-chan struct{}    { return nil }
func (d *fakeDHCP) Run(ctx context.Context)     { <-ctx.Done() }

// fakeAdvertiser records what was set last.
type fakeAdvertiser struct {
	set   []document.AdvertisedNetwork
	fault string
}

func (a *fakeAdvertiser) Set(networks []document.AdvertisedNetwork) { a.set = networks }
func (a *fakeAdvertiser) Fault() string                             { return a.fault }
func (a *fakeAdvertiser) Changed() <-chan struct{}                  { return nil }
func (a *fakeAdvertiser) Run(ctx context.Context)                   { <-ctx.Done() }

// fakeDNS records what was set last.
type fakeDNS struct {
	set   document.DNS
	fault string
}

func (d *fakeDNS) Set(wanted document.DNS)    { d.set = wanted }
func (d *fakeDNS) Fault() string              { return d.fault }
func (d *fakeDNS) Counts() contract.DNSCounts { return contract.DNSCounts{Cached: 5} }
func (d *fakeDNS) Changed() <-chan struct{}   { return nil }
func (d *fakeDNS) Run(ctx context.Context)    { <-ctx.Done() }

// fakeMulticast records what was set last.
type fakeMulticast struct {
	set   *multicast.Config
	fault string
}

func (m *fakeMulticast) Set(wanted *multicast.Config)     { m.set = wanted }
func (m *fakeMulticast) Fault() string                    { return m.fault }
func (m *fakeMulticast) Counts() contract.MulticastCounts { return contract.MulticastCounts{Groups: 3} }
func (m *fakeMulticast) Changed() <-chan struct{}         { return nil }
func (m *fakeMulticast) Run(ctx context.Context)          { <-ctx.Done() }

// scene is a firewall with a directory and a kernel. The test calls reconcile itself.
type scene struct {
	*testing.T
	kernel *fakeKernel
	routes fakeRoutes

	neighbours fakeNeighbours
	multicast  fakeMulticast
	dhcp       fakeDHCP
	advertiser fakeAdvertiser
	dns        fakeDNS
	firewall   *Firewall
}

func newScene(t *testing.T) *scene {
	directory := t.TempDir()
	s := &scene{T: t, kernel: &fakeKernel{}}
	s.firewall = New(Config{
		ConfigFile: filepath.Join(directory, "firewall.json"),
		StatusFile: filepath.Join(directory, "status.json"),
		Kernel:     s.kernel,
		Routes:     &s.routes,
		Neighbours: &s.neighbours,
		Multicast:  &s.multicast,
		DHCP:       &s.dhcp,
		Advertiser: &s.advertiser,
		DNS:        &s.dns,
		WAN:        fakeWAN{},
		Names:      fakeNames{},
		Log:        testr.New(t),
	})
	return s
}

func (s *scene) write(text string) {
	s.Helper()
	if err := os.WriteFile(s.firewall.config.ConfigFile, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

// expect reconciles once and compares the status file.
func (s *scene) expect(hash, refused, message string) {
	s.Helper()
	s.firewall.reconcile()
	data, err := os.ReadFile(s.firewall.config.StatusFile)
	if err != nil {
		s.Fatal(err)
	}
	var status contract.FirewallStatus
	if err := json.Unmarshal(data, &status); err != nil {
		s.Fatal(err)
	}
	if status.Hash != hash || status.RefusedHash != refused || !strings.Contains(status.Error, message) ||
		(message == "") != (status.Error == "") {
		s.Errorf("status is %+v, want hash %q, refused %q, error %q", status, hash, refused, message)
	}
}

func (s *scene) expectReplaced(times int) {
	s.Helper()
	if s.kernel.replaced != times {
		s.Errorf("the ruleset was replaced %d times, want %d", s.kernel.replaced, times)
	}
}

func TestDocumentIsAppliedOnceAndReported(t *testing.T) {
	s := newScene(t)
	s.expect("", "", "no document exists at")
	s.write(good)
	s.expect(document.Hash([]byte(good)), "", "")
	s.expect(document.Hash([]byte(good)), "", "")
	s.expectReplaced(1)
	s.write(better)
	s.expect(document.Hash([]byte(better)), "", "")
	s.expectReplaced(2)
}

const routed = `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",` +
	`"spec":{"zones":[{"name":"lan","interfaces":["lan"]}],` +
	`"routing":{"routes":[{"name":"internet","to":"0.0.0.0/0","via":"203.0.113.254"}]}}}`

const called = `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",` +
	`"spec":{"zones":[{"name":"lan","interfaces":["lan"]}],"services":[{"name":"ftp","protocol":"TCP","ports":[21]},` +
	`{"name":"phones","protocol":"UDP","ports":[5060],"helper":"SIP"}]}}`

// A document is in force without a helper that the kernel does not have. Once the kernel has it, so has the document.
func TestMissingHelperIsReportedAndLeftOut(t *testing.T) {
	s := newScene(t)
	s.kernel.lacks = "sip"
	s.write(called)
	hash := document.Hash([]byte(called))
	s.expect(hash, "", "")
	s.expect(hash, "", "")
	s.expectReplaced(1)
	fault := s.firewall.reported.HelperError
	if !strings.HasPrefix(fault, `spec.services[1].helper: `) || !strings.Contains(fault, `service "phones"`) ||
		!strings.Contains(fault, "load the modules nf_conntrack_sip and nf_nat_sip") {
		t.Errorf("reported %q", fault)
	}
	if helpers := s.kernel.applied.Helpers; len(helpers) != 1 || helpers[0].Type != "ftp" {
		t.Errorf("applied with %+v, want ftp alone", helpers)
	}
	if text := s.kernel.applied.String(); strings.Contains(text, "sip.udp") {
		t.Errorf("a rule attaches the missing helper:\n%s", text)
	}

	s.kernel.lacks = ""
	s.expect(hash, "", "")
	s.expectReplaced(2)
	if len(s.kernel.applied.Helpers) != 2 || s.firewall.reported.HelperError != "" {
		t.Errorf("applied with %+v, reported %+v", s.kernel.applied.Helpers, s.firewall.reported)
	}
	s.expect(hash, "", "")
	s.expectReplaced(2)
}

const watched = `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",` +
	`"spec":{"zones":[{"name":"lan","interfaces":["lan"]}],"services":[{"name":"ftp","protocol":"TCP","ports":[21]},` +
	`{"name":"cameras","protocol":"TCP","ports":[554],"helper":"RTSP"}]}}`

// A document is in force without its application gateways if the kernel has no queues. Its connections pass unread.
func TestMissingQueuesAreReportedAndLeftOut(t *testing.T) {
	s := newScene(t)
	s.kernel.lacksQueues, s.kernel.lacks = true, "ftp"
	s.write(watched)
	hash := document.Hash([]byte(watched))
	s.expect(hash, "", "")
	s.expect(hash, "", "")
	s.expectReplaced(1)
	fault := s.firewall.reported.HelperError
	for _, part := range []string{
		"spec.services[0].helper: ", "load the modules nf_conntrack_ftp", "spec.services[1].helper: ", `service "cameras"`,
		"neither nft_queue nor xt_NFQUEUE", "set the helper to None",
	} {
		if !strings.Contains(fault, part) {
			t.Errorf("reported %q without %q", fault, part)
		}
	}
	if text := s.kernel.applied.String(); strings.Contains(text, "queue") || !strings.Contains(text, "label set 122") {
		t.Errorf("applied rules:\n%s", text)
	}
	s.kernel.lacksQueues = false
	s.expect(hash, "", "")
	s.expectReplaced(2)
	if fault := s.firewall.reported.HelperError; strings.Contains(fault, "cameras") || !strings.Contains(fault, "ftp") {
		t.Errorf("with queues, reported %q", fault)
	}
	s.kernel.lacks = ""
	s.expect(hash, "", "")
	s.expectReplaced(3)
	if s.firewall.reported.HelperError != "" || !s.kernel.applied.HasQueue() {
		t.Errorf("with everything, reported %q", s.firewall.reported.HelperError)
	}
}

// A kernel that leaves the addresses in FTP as they are is reported until it translates them.
func TestUntranslatedFTPIsReported(t *testing.T) {
	s := newScene(t)
	tries, isTranslated, failure := 0, false, error(nil)
	s.firewall.config.TryFTP = func() (bool, error) { tries++; return isTranslated, failure }
	s.write(called) // It has no NAT.
	s.expect(document.Hash([]byte(called)), "", "")
	if tries != 0 || s.firewall.reported.HelperError != "" {
		t.Errorf("without NAT: %d trials, reported %q", tries, s.firewall.reported.HelperError)
	}
	translated := strings.Replace(called, `"services":`,
		`"sourceNAT":[{"name":"out","to":"lan","address":"203.0.113.1"}],"services":`, 1)
	s.write(translated)
	hash := document.Hash([]byte(translated))
	s.expect(hash, "", "")
	if fault := s.firewall.reported.HelperError; !strings.HasPrefix(fault, "spec.services[0].helper: ") ||
		!strings.Contains(fault, "load the module nf_nat_ftp") {
		t.Errorf("reported %q", fault)
	}
	failure = errors.New("out of ports")
	s.expect(hash, "", "")
	if fault := s.firewall.reported.HelperError; fault != "" {
		t.Errorf("after a trial that failed itself, reported %q", fault)
	}
	failure, isTranslated = nil, true
	s.expect(hash, "", "")
	s.expect(hash, "", "")
	if tries != 3 || s.firewall.reported.HelperError != "" {
		t.Errorf("%d trials, reported %q", tries, s.firewall.reported.HelperError)
	}
}

// The networks of a document reach the DHCP server with its rules, and its fault and leases the report.
func TestDHCPIsSetWithTheDocumentAndItsFaultReported(t *testing.T) {
	s := newScene(t)
	text := `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",` +
		`"spec":{"zones":[{"name":"lan","interfaces":["lan"]}],"dhcp":{"networks":[{"interface":"lan",` +
		`"subnet":"192.0.2.0/24","address":"192.0.2.1","ranges":["192.0.2.100"]}]}}}`
	s.write(text)
	s.kernel.refusal = errors.New("out of memory")
	s.expect("", document.Hash([]byte(text)), "out of memory")
	if len(s.dhcp.set) != 0 {
		t.Error("networks were set without their rules")
	}
	s.kernel.refusal, s.dhcp.fault = nil, "spec.dhcp: interface lan: no such network interface"
	s.expect(document.Hash([]byte(text)), "", "")
	r := s.firewall.reported
	if len(s.dhcp.set) != 1 || r.DHCPError != s.dhcp.fault || r.DHCP.Leases != 4 {
		t.Errorf("set %+v, reported %+v", s.dhcp.set, r)
	}
	s.write(routed)
	s.expect(document.Hash([]byte(routed)), "", "")
	if len(s.dhcp.set) != 0 {
		t.Errorf("%+v is still served", s.dhcp.set)
	}
}

// The networks of a document reach the advertiser with its rules, and its fault the report.
func TestRouterAdvertisementsAreSetWithTheDocument(t *testing.T) {
	s := newScene(t)
	text := `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",` +
		`"spec":{"zones":[{"name":"lan","interfaces":["lan"]}],` +
		`"dhcpv6":{"networks":[{"interface":"lan","address":"fe80::1","dnsServers":["fd50::1"]}]},` +
		`"routerAdvertisements":{"networks":[{"interface":"lan","address":"fe80::1"}]}}}`
	s.write(text)
	s.advertiser.fault = "spec.routerAdvertisements: interface lan: no such device"
	s.expect(document.Hash([]byte(text)), "", "")
	if len(s.advertiser.set) != 1 || s.firewall.reported.RoutingError != s.advertiser.fault {
		t.Errorf("set %+v, reported %+v", s.advertiser.set, s.firewall.reported)
	}
	if len(s.dhcp.informed) != 1 || !s.advertiser.set[0].OtherConfiguration {
		t.Errorf("%+v are served, and hosts are told %+v", s.dhcp.informed, s.advertiser.set)
	}
	s.write(routed)
	s.expect(document.Hash([]byte(routed)), "", "")
	if len(s.advertiser.set) != 0 {
		t.Errorf("%+v is still advertised", s.advertiser.set)
	}
}

// The names of a document reach the DNS forwarder with its rules, and its fault the report.
func TestDNSIsSetWithTheDocument(t *testing.T) {
	s := newScene(t)
	text := `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",` +
		`"spec":{"zones":[{"name":"lan","interfaces":["lan"]}],"dns":{"upstreams":[{"address":"192.0.2.53"}],` +
		`"listeners":[{"interface":"lan","address":"192.168.50.1","clients":["192.168.50.0/24"]}]}}}`
	s.write(text)
	s.dns.fault = "spec.dns: address 192.168.50.1: address already in use"
	s.expect(document.Hash([]byte(text)), "", "")
	r := s.firewall.reported
	if len(s.dns.set.Listeners) != 1 || r.DNSError != s.dns.fault || r.DNS.Cached != 5 {
		t.Errorf("set %+v, reported %+v", s.dns.set, r)
	}
	s.write(routed)
	s.expect(document.Hash([]byte(routed)), "", "")
	if s.dns.set.IsEnabled() {
		t.Errorf("%+v is still served", s.dns.set)
	}
}

// The routes of a document follow its rules. What the kernel refuses of them is reported and holds nothing back.
func TestRoutesAreSetWithTheDocumentAndTheirFaultReported(t *testing.T) {
	s := newScene(t)
	s.write(routed)
	s.kernel.refusal = errors.New("out of memory")
	s.expect("", document.Hash([]byte(routed)), "out of memory")
	if len(s.routes.set) != 0 {
		t.Error("routes were set without their rules")
	}
	s.kernel.refusal = nil
	s.expect(document.Hash([]byte(routed)), "", "")
	if len(s.routes.set) != 1 || len(s.routes.set[0].Routes) != 1 {
		t.Fatalf("set %+v, want one route once", s.routes.set)
	}
	s.routes.fault = "spec.routing.routes[0]: interface is down"
	s.expect(document.Hash([]byte(routed)), "", "")
	if s.firewall.reported.RoutingError != s.routes.fault {
		t.Errorf("reported %+v", s.firewall.reported)
	}
	s.routes.fault, s.multicast.fault = "", "spec.multicast: interface is gone"
	s.expect(document.Hash([]byte(routed)), "", "")
	r := s.firewall.reported
	if r.RoutingError != "" || r.MulticastError != s.multicast.fault || r.Multicast.Groups != 3 {
		t.Errorf("reported %+v", r)
	}
	if r.NamesError == "" || r.Names.Resolved != 2 {
		t.Errorf("reported %+v", r)
	}
	s.multicast.fault = ""
	s.write(bad)
	s.expect(document.Hash([]byte(routed)), document.Hash([]byte(bad)), "spec.zones[0].interfaces[0]: ")
	if len(s.routes.set) != 1 || s.firewall.reported.RoutingError != "" {
		t.Errorf("set %d times, reported %+v", len(s.routes.set), s.firewall.reported)
	}
	s.write(good)
	s.expect(document.Hash([]byte(good)), "", "")
	if len(s.routes.set) != 2 || len(s.routes.set[1].Routes) != 0 {
		t.Errorf("set %+v, want no route in the end", s.routes.set)
	}
}

func TestRefusedDocumentLeavesTheLastGoodOne(t *testing.T) {
	s := newScene(t)
	s.write(good)
	s.expect(document.Hash([]byte(good)), "", "")
	s.write(bad)
	s.expect(document.Hash([]byte(good)), document.Hash([]byte(bad)), "spec.zones[0].interfaces[0]: ")
	s.expect(document.Hash([]byte(good)), document.Hash([]byte(bad)), "spec.zones[0].interfaces[0]: ")
	s.expectReplaced(1)
	if err := os.Remove(s.firewall.config.ConfigFile); err != nil {
		t.Fatal(err)
	}
	s.expect(document.Hash([]byte(good)), "", "no document exists at")
	s.write(good)
	s.expect(document.Hash([]byte(good)), "", "")
	s.expectReplaced(1)
}

func TestRefusalOfTheKernelIsTriedAgain(t *testing.T) {
	s := newScene(t)
	s.write(good)
	s.expect(document.Hash([]byte(good)), "", "")
	s.kernel.refusal = errors.New("out of memory")
	s.write(better)
	s.expect(document.Hash([]byte(good)), document.Hash([]byte(better)), "out of memory")
	s.kernel.refusal = nil
	s.expect(document.Hash([]byte(better)), "", "")
}

func TestAlteredRulesetIsRestored(t *testing.T) {
	s := newScene(t)
	s.write(good)
	s.expect(document.Hash([]byte(good)), "", "")
	s.kernel.alter("")
	s.expect(document.Hash([]byte(good)), "", "")
	s.expectReplaced(2)

	s.kernel.alter("")
	s.kernel.refusal = errors.New("out of memory")
	s.expect("", document.Hash([]byte(good)), "out of memory")
	s.kernel.refusal = nil
	s.expect(document.Hash([]byte(good)), "", "")
}

// Sources are forgotten while another program alters or deletes the table. The alteration is found afterwards.
func TestAlterationWhileSourcesAreForgottenIsFound(t *testing.T) {
	for name, left := range map[string]string{"altered": "another", "deleted": ""} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.write(good)
			s.expect(document.Hash([]byte(good)), "", "")
			for range 3 {
				if err := s.firewall.forget(); err != nil || s.firewall.restore() {
					t.Fatalf("forgetting sources counts as an alteration (%v)", err)
				}
			}
			s.kernel.beforeForget = func() { s.kernel.alter(left) }
			if err := s.firewall.forget(); err != nil || !s.firewall.restore() {
				t.Errorf("the table stays %s (%v)", name, err)
			}
		})
	}
}

func TestRulesetOfAnEarlierProcessIsReportedAndReplaced(t *testing.T) {
	s := newScene(t)
	s.kernel.alter(document.Hash([]byte(good)))
	s.write(bad)
	s.firewall.begin()
	s.expect(document.Hash([]byte(good)), document.Hash([]byte(bad)), "spec.zones[0].interfaces[0]: ")
	s.expectReplaced(0)
	// An earlier release may have compiled the same document to other rules.
	s.write(good)
	s.expect(document.Hash([]byte(good)), "", "")
	s.expectReplaced(1)
}

// The base ruleset is in force before anything is read, and comes back until there is a document.
func TestEverythingIsDroppedBeforeTheFirstDocument(t *testing.T) {
	s := newScene(t)
	s.firewall.config.ControlInterfaces = []string{"lo", "eth0"}
	s.firewall.begin()
	s.expectReplaced(1)
	if got, want := s.kernel.applied.String(), plan.Base([]string{"lo", "eth0"}).String(); got != want {
		t.Errorf("in force is %s", got)
	}
	s.kernel.altered = true
	s.kernel.generation++
	s.expect("", "", "no document exists at")
	s.expectReplaced(2)
	s.write(good)
	s.expect(document.Hash([]byte(good)), "", "")
}

// A restarted firewall restores the rules of the last document in force, although a newer one was refused.
func TestRestartedFirewallRestoresTheLastDocument(t *testing.T) {
	s := newScene(t)
	s.write(good)
	s.expect(document.Hash([]byte(good)), "", "")
	s.write(bad)
	s.firewall = New(s.firewall.config)
	s.kernel.alter("")
	s.firewall.begin()
	s.expect(document.Hash([]byte(good)), document.Hash([]byte(bad)), "spec.zones[0].interfaces[0]: ")
	s.kernel.alter("")
	s.expect(document.Hash([]byte(good)), document.Hash([]byte(bad)), "spec.zones[0].interfaces[0]: ")
	if s.kernel.document != document.Hash([]byte(good)) || s.kernel.altered {
		t.Errorf("the kernel enforces %q", s.kernel.document)
	}
}

// If the rules of an earlier process disappear and nobody knows their document, everything is dropped.
func TestLostRulesetOfAnUnknownDocumentIsReplacedByTheBase(t *testing.T) {
	s := newScene(t)
	s.kernel.alter("cafe")
	s.firewall.begin()
	s.expect("cafe", "", "no document exists at")
	s.kernel.alter("")
	s.expect("", "", "no document exists at")
	s.expectReplaced(1)
	if s.kernel.altered {
		t.Error("the base ruleset is not in force")
	}
}

func TestStatusIsWrittenAgainAfterAFailure(t *testing.T) {
	s := newScene(t)
	s.write(good)
	path := s.firewall.config.StatusFile
	s.firewall.config.StatusFile = filepath.Join(filepath.Dir(path), "absent", "status.json")
	s.firewall.reconcile()
	s.firewall.config.StatusFile = path
	s.expect(document.Hash([]byte(good)), "", "")
	s.expectReplaced(1)
}
