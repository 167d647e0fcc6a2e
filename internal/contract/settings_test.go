package contract_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

// whole uses every field, and is valid; each case changes the one thing that it is about.
func whole() contract.Settings {
	return contract.Settings{
		Pair: "edge", Namespace: "site-a",
		Failover: contract.Failover{
			LeaseDurationSeconds: 15, HeartbeatIntervalMilliseconds: 100, MissedHeartbeats: 3, GrantMilliseconds: 450,
			Isolation: contract.IsolationFence, HealthDampingSeconds: 3,
			Preemption: &contract.Preemption{DelaySeconds: 300},
		},
		Probes: []contract.Probe{
			probe("gateway", contract.ProbeICMP, 0, ""),
			probe("database", contract.ProbeTCP, 5432, ""),
			probe("portal", contract.ProbeHTTP, 80, "/healthz"),
		},
		Networks: []contract.Network{
			{
				Interface: "lan", VirtualMAC: "02:00:5e:10:00:01",
				VirtualAddresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")},
			},
			{Interface: "wan", VirtualAddresses: []netip.Prefix{netip.MustParsePrefix("2001:db8::1/64")}},
		},
		Sync: contract.Sync{Classes: []contract.SyncClass{{
			Name: "ConnectionCache", Weight: 3, Options: json.RawMessage(`{"protocols":["TCP"]}`),
		}}, AuditIntervalSeconds: 600},
	}
}

func probe(name string, kind contract.ProbeType, port uint16, path string) contract.Probe {
	return contract.Probe{
		Name: name, Type: kind, Host: netip.MustParseAddr("192.0.2.254"), Port: port, Path: path, Interface: "lan",
		IntervalMilliseconds: 1000, TimeoutMilliseconds: 500, FailureThreshold: 3, SuccessThreshold: 2,
	}
}

func parse(t *testing.T, s contract.Settings) (contract.Settings, error) {
	t.Helper()
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return contract.Parse(encoded)
}

func TestParse(t *testing.T) {
	parsed, err := parse(t, whole())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%+v", parsed.Probes), fmt.Sprintf("%+v", whole().Probes); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if parsed.Detection() != 300*time.Millisecond || parsed.Grant() != 450*time.Millisecond ||
		parsed.LeaseDuration() != 15*time.Second {
		t.Errorf("detection %s, grant %s, lease %s", parsed.Detection(), parsed.Grant(), parsed.LeaseDuration())
	}
}

func TestAccepted(t *testing.T) {
	for name, change := range map[string]func(*contract.Settings){
		"no return to the primary":       func(s *contract.Settings) { s.Preemption = nil },
		"return to the primary at once":  func(s *contract.Settings) { s.Preemption.DelaySeconds = 0 },
		"providers":                      func(s *contract.Settings) { s.Providers = providers() },
		"no probe":                       func(s *contract.Settings) { s.Probes = nil },
		"the other policy for isolation": func(s *contract.Settings) { s.Isolation = contract.IsolationKeepForwarding },
		"the shortest grant":             func(s *contract.Settings) { s.GrantMilliseconds = 320 },
		"the longest grant":              func(s *contract.Settings) { s.GrantMilliseconds = 7500 },
		"the quickest of all": func(s *contract.Settings) {
			s.HeartbeatIntervalMilliseconds, s.MissedHeartbeats, s.GrantMilliseconds = 10, 2, 40
		},
		"a link-local target": func(s *contract.Settings) { s.Probes[0].Host = netip.MustParseAddr("fe80::1") },
		"a MAC address in capitals": func(s *contract.Settings) {
			s.Networks[0].VirtualMAC = "02:00:5E:10:00:01"
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := whole()
			change(&s)
			if _, err := parse(t, s); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for want, change := range map[string]func(*contract.Settings){
		"pair and namespace must be set":                 func(s *contract.Settings) { s.Pair = "" },
		"leaseDurationSeconds: 1 is not within 2 and 60": func(s *contract.Settings) { s.LeaseDurationSeconds = 1 },
		"heartbeatIntervalMilliseconds: 0 is not within": func(s *contract.Settings) {
			s.HeartbeatIntervalMilliseconds = 0
		},
		"heartbeatIntervalMilliseconds: 1001 is not within": func(s *contract.Settings) {
			s.HeartbeatIntervalMilliseconds = 1001
		},
		"missedHeartbeats: 1 is not within 2 and 10":  func(s *contract.Settings) { s.MissedHeartbeats = 1 },
		"missedHeartbeats: 11 is not within 2 and 10": func(s *contract.Settings) { s.MissedHeartbeats = 11 },
		"grantMilliseconds: 319 is too short":         func(s *contract.Settings) { s.GrantMilliseconds = 319 },
		"it must be at least 320":                     func(s *contract.Settings) { s.GrantMilliseconds = 0 },
		"grantMilliseconds: 7501 is too long":         func(s *contract.Settings) { s.GrantMilliseconds = 7501 },
		"lower it to 1000": func(s *contract.Settings) {
			s.GrantMilliseconds, s.LeaseDurationSeconds = 1001, 2
		},
		`isolation: "" is unknown; it must be Fence or Keep`: func(s *contract.Settings) { s.Isolation = "" },
		"preemption.delaySeconds: -1 is not within 0 and 86400": func(s *contract.Settings) {
			s.Preemption.DelaySeconds = -1
		},
		"healthDampingSeconds: 0 is not within 1 and 300": func(s *contract.Settings) { s.HealthDampingSeconds = 0 },

		"networks: there are 0":  func(s *contract.Settings) { s.Networks = nil },
		"networks: there are 17": func(s *contract.Settings) { s.Networks = make([]contract.Network, 17) },
		"networks[1].interface must be set": func(s *contract.Settings) {
			s.Networks[1].Interface = ""
		},
		"networks[1].interface: another network has lan too": func(s *contract.Settings) { s.Networks[1].Interface = "lan" },
		"networks[1].virtualAddresses[0]: not an address": func(s *contract.Settings) {
			s.Networks[1].VirtualAddresses = []netip.Prefix{{}}
		},
		"networks[1].virtualAddresses: there are 65, and at most 64": func(s *contract.Settings) {
			s.Networks[1].VirtualAddresses = slices.Repeat(s.Networks[0].VirtualAddresses[:1], 65)
		},
		`networks[1].virtualMAC: "02005e100001" is not a MAC address, as in`: mac("02005e100001"),
		`"02:00:5e:10:00:0g" is not a MAC`:                                   mac("02:00:5e:10:00:0g"),
		`"020:05:e10:00:0:1" is not a MAC`:                                   mac("020:05:e10:00:0:1"),
		`"02:00:5e:10:00:01:02:03" is not a MAC`:                             mac("02:00:5e:10:00:01:02:03"),
		`"01:00:5e:10:00:01" is a multicast address`:                         mac("01:00:5e:10:00:01"),
		`"00:00:00:00:00:00" is all zeros`:                                   mac("00:00:00:00:00:00"),
		`networks[1].virtualMAC: another network has 02:00:5E:10:00:01 too`:  mac("02:00:5E:10:00:01"),

		"probes: there are 17, and a heartbeat holds 16": func(s *contract.Settings) {
			s.Probes = make([]contract.Probe, 17)
		},
		`probes[1].name: "gateway" is empty, or another probe has it`: func(s *contract.Settings) {
			s.Probes[1].Name = "gateway"
		},
		`probes[0].name: "" is empty`: func(s *contract.Settings) { s.Probes[0].Name = "" },
		`probes[0].interface: "dmz" is not in networks[]`: func(s *contract.Settings) {
			s.Probes[0].Interface = "dmz"
		},
		`probes[0].type: "ARP" is unknown; it must be ICMP, TCP`: func(s *contract.Settings) {
			s.Probes[0].Type = "ARP"
		},
		"probes[0].intervalMilliseconds: 99 is not within 100": func(s *contract.Settings) {
			s.Probes[0].IntervalMilliseconds = 99
		},
		"probes[0].timeoutMilliseconds: 1000 must be less": func(s *contract.Settings) {
			s.Probes[0].TimeoutMilliseconds = 1000
		},
		"probes[0].timeoutMilliseconds: 9 is not within 10": func(s *contract.Settings) {
			s.Probes[0].TimeoutMilliseconds = 9
		},
		"probes[0].failureThreshold: 0 is not within 1": func(s *contract.Settings) {
			s.Probes[0].FailureThreshold = 0
		},
		"probes[0].successThreshold: 101 is not within 1": func(s *contract.Settings) {
			s.Probes[0].SuccessThreshold = 101
		},
		`probes[0].host: "invalid IP" is not the unicast address`:  host(netip.Addr{}),
		`probes[0].host: "224.0.0.1" is not the unicast address`:   host(netip.MustParseAddr("224.0.0.1")),
		`probes[0].host: "127.0.0.1" is not the unicast address`:   host(netip.MustParseAddr("127.0.0.1")),
		`probes[0].host: "fe80::1%lan" is not the unicast address`: host(netip.MustParseAddr("fe80::1%lan")),
		"probes[0].port: ICMP has no port; leave it out":           func(s *contract.Settings) { s.Probes[0].Port = 1 },
		"probes[1].port: TCP needs a port; set it":                 func(s *contract.Settings) { s.Probes[1].Port = 0 },
		"probes[2].port: HTTP needs a port; set it":                func(s *contract.Settings) { s.Probes[2].Port = 0 },
		`probes[1].path: "/" is wrong`:                             func(s *contract.Settings) { s.Probes[1].Path = "/" },
		`probes[1].path: "x" is wrong`:                             func(s *contract.Settings) { s.Probes[1].Path = "x" },
		`probes[2].path: "" is wrong`:                              func(s *contract.Settings) { s.Probes[2].Path = "" },

		`sync.classes[0]: unknown class "Dreams"`: func(s *contract.Settings) { s.Sync.Classes[0].Name = "Dreams" },
		"sync.classes[0].weight: 65 is not within 1 and 64": func(s *contract.Settings) {
			s.Sync.Classes[0].Weight = 65
		},
		"sync.auditIntervalSeconds: 59 is not within 60 and 86400": func(s *contract.Settings) {
			s.Sync.AuditIntervalSeconds = 59
		},
		"sync.recordsPerSecond must not be negative": func(s *contract.Settings) { s.Sync.RecordsPerSecond = -1 },
	} {
		t.Run(want, func(t *testing.T) {
			s := whole()
			change(&s)
			if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the operator gets %v", err)
			}
			if _, err := parse(t, s); !strings.Contains(want, "unknown class") &&
				(err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("a unit gets %v", err)
			}
		})
	}
}

// providers returns valid providers. Each case changes only the field that it tests.
func providers() []contract.Provider {
	return []contract.Provider{
		{
			Name: "kea", UID: 20001, Writes: []string{"declined", "leases"},
			Reads: []string{"calls", state.DynamicAddressObjects.String()}, AddressObjects: []string{"declined", "guests"},
		},
		{Name: "calls", UID: 20002, Writes: []string{"calls"}},
	}
}

func TestProvidersAreRefused(t *testing.T) {
	for want, change := range map[string]func([]contract.Provider){
		`providers[0].name: "Kea" must begin with a letter`:     func(p []contract.Provider) { p[0].Name = "Kea" },
		`providers[0].name: "../kea" must begin with a letter`:  func(p []contract.Provider) { p[0].Name = "../kea" },
		"providers[0].name: firewall is the name":               func(p []contract.Provider) { p[0].Name = "firewall" },
		"providers[0].name: vpn is the name":                    func(p []contract.Provider) { p[0].Name = "vpn" },
		"providers[1].name: another provider is named kea too":  func(p []contract.Provider) { p[1].Name = "kea" },
		"providers[1].uid: another provider has 20001 too":      func(p []contract.Provider) { p[1].UID = 20001 },
		"providers[0].uid: 0 is not within 1 and 2147483647":    func(p []contract.Provider) { p[0].UID = 0 },
		"providers[0].uid: 65532 is reserved":                   func(p []contract.Provider) { p[0].UID = 65532 },
		`providers[0].writes[1]: "a/b" must begin with a lette`: func(p []contract.Provider) { p[0].Writes[1] = "a/b" },
		`providers[0].reads[0]: "Calls" must begin`:             func(p []contract.Provider) { p[0].Reads[0] = "Calls" },
		"providers[1].addressObjects: the provider does not have": func(p []contract.Provider) {
			p[1].AddressObjects = []string{"scanners"}
		},
		`providers[0].addressObjects[1]: "a/b" must begin`: func(p []contract.Provider) { p[0].AddressObjects[1] = "a/b" },
		"providers[0].addressObjects: there are 66, and at most 64": func(p []contract.Provider) {
			p[0].AddressObjects = slices.Repeat(p[0].AddressObjects, 33)
		},
		"providers[0].reads: there are 18, and at most 8": func(p []contract.Provider) {
			p[0].Reads = slices.Repeat(p[0].Reads, 9)
		},
		`providers[1].writes[0]: leases is published by provider "kea" already`: func(p []contract.Provider) {
			p[1].Writes[0] = "leases"
		},
	} {
		t.Run(want, func(t *testing.T) {
			s := whole()
			s.Providers = providers()
			change(s.Providers)
			if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestGrantsOfProviders(t *testing.T) {
	kea := providers()[0]
	if !kea.MayWrite("leases") || kea.MayWrite("calls") || kea.MayWrite("other") {
		t.Error("the provider must write its own classes only")
	}
	if !kea.MayRead("leases") || !kea.MayRead("calls") || kea.MayRead("other") {
		t.Error("the provider must read its own classes and those of its reads only")
	}
	if !kea.MayUseObject("guests") || kea.MayUseObject("scanners") || !providers()[1].MayUseObject("scanners") {
		t.Error("the provider must use its objects only, and one without a list must use all")
	}
}

func TestProvidersShareAddressObjects(t *testing.T) {
	s := whole()
	s.Providers = providers()
	for i := range s.Providers {
		s.Providers[i].Writes = append(s.Providers[i].Writes, state.DynamicAddressObjects.String())
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	s.Providers[0].Writes = []string{state.ConnectionCache.String()}
	if err := s.Validate(); err == nil {
		t.Error("a provider may write class ConnectionCache")
	}
}

func mac(address string) func(*contract.Settings) {
	return func(s *contract.Settings) { s.Networks[1].VirtualMAC = address }
}

func host(address netip.Addr) func(*contract.Settings) {
	return func(s *contract.Settings) { s.Probes[0].Host = address }
}

// Of two documents, neither is taken for the whole.
func TestParseRejectsBrokenDocuments(t *testing.T) {
	for document, want := range map[string]string{
		``:                   "EOF",
		`[]`:                 "cannot unmarshal array",
		`{"pairs": "edge"}`:  "pair and namespace must be set",
		`{"pair": "a"}}`:     "something follows the document",
		`{"pair": "a"}{}`:    "something follows the document",
		`{"networks": null}`: "pair and namespace must be set",
		`{"probes": [1]}`:    "cannot unmarshal number",
	} {
		if _, err := contract.Parse([]byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", document, err, want)
		}
	}
}

// A unit that restarts during an upgrade reads the settings of a later operator.
func TestParseIgnoresWhatItDoesNotKnow(t *testing.T) {
	parsed, err := contract.Parse([]byte(`{
		"pair": "edge", "namespace": "site-a", "mood": "good",
		"networks": [{"interface": "lan", "virtualAddresses": [], "colour": "red"}],
		"probes": [{"name": "gateway", "type": "ICMP", "host": "192.0.2.254", "interface": "lan", "jitter": 5}],
		"preemption": {"policy": "Maybe"},
		"sync": {"classes": [{"name": "ConnectionCache", "mood": "good"}, {"name": "Telepathy"}], "compression": true}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := parsed.Sync.Classes; len(got) != 1 || got[0].Name != "ConnectionCache" {
		t.Errorf("classes are %v", got)
	}
}

func TestParseTakesDefaults(t *testing.T) {
	parsed, err := contract.Parse([]byte(`{
		"pair": "edge", "namespace": "site-a", "networks": [{"interface": "lan"}], "preemption": {},
		"probes": [{"name": "gateway", "type": "ICMP", "host": "192.0.2.254", "interface": "lan"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := contract.Settings{
		Pair: "edge", Namespace: "site-a", Networks: []contract.Network{{Interface: "lan"}},
		Failover: contract.Failover{
			LeaseDurationSeconds: 15, HeartbeatIntervalMilliseconds: 100, MissedHeartbeats: 3, GrantMilliseconds: 450,
			Isolation: contract.IsolationFence, HealthDampingSeconds: 3,
			Preemption: &contract.Preemption{DelaySeconds: 300},
		},
		Probes: []contract.Probe{probe("gateway", contract.ProbeICMP, 0, "")},
		Sync:   contract.Sync{AuditIntervalSeconds: 600},
	}
	for _, row := range state.Classes() {
		if row.Default == state.Replicated {
			want.Sync.Classes = append(want.Sync.Classes, contract.SyncClass{Name: row.Name})
		}
	}
	if !reflect.DeepEqual(parsed, want) {
		t.Errorf("got  %+v\nwant %+v", parsed, want)
	}
}

// The operator validates the settings themselves, and a unit reads what is written of them.
func TestSettingsRoundTrip(t *testing.T) {
	parsed, err := parse(t, whole())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(parsed, whole()) {
		t.Errorf("got  %+v\nwant %+v", parsed, whole())
	}
}
