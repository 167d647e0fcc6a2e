package endurance_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

func TestMain(m *testing.M) {
	endurance.Repeater()
	os.Exit(m.Run())
}

// kinds returns all kinds of traffic between two hosts. The server has the faults. For idle connections the client has
// them, because their server is another process.
func kinds(f *faults) map[string]endurance.Traffic {
	hosts := endurance.Hosts{Client: loopback{}, Server: faulty{faults: f}}
	reversed := endurance.Hosts{Client: faulty{faults: f}, Server: loopback{}}
	wire := newEchoes(f)
	return map[string]endurance.Traffic{
		"download":  &endurance.Download{Hosts: hosts, Server: anyPort},
		"FTP":       &endurance.FTP{Hosts: hosts, Server: anyPort},
		"datagrams": &endurance.Datagrams{Hosts: hosts, Server: anyPort},
		"counting":  &endurance.CountingConnection{Hosts: hosts, Server: anyPort},
		"idle":      &endurance.Idle{Hosts: reversed, Server: anyPort, Connections: 100},
		"pings":     &endurance.Pings{Hosts: wire.hosts(), Server: anyPort.Addr()},
	}
}

// each runs a test for every kind of traffic, each with its own faults.
func each(t *testing.T, try func(t *testing.T, name string, traffic endurance.Traffic, f *faults)) {
	t.Helper()
	for name := range kinds(&faults{}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &faults{}
			traffic := kinds(f)[name]
			begin(t, traffic)
			try(t, name, traffic, f)
		})
	}
}

func TestTrafficWithoutFaultsSurvives(t *testing.T) {
	each(t, func(t *testing.T, _ string, traffic endurance.Traffic, _ *faults) {
		report := check(t, traffic)
		if report.Err != nil || report.Passed == 0 || report.Lost != 0 {
			t.Errorf("%+v", report)
		}
		if report.Gap > time.Second {
			t.Errorf("a silence of %s without a fault", report.Gap)
		}
	})
}

func TestASilenceIsMeasured(t *testing.T) {
	const silence = 300 * time.Millisecond
	each(t, func(t *testing.T, name string, traffic endurance.Traffic, f *faults) {
		switch name {
		case "datagrams", "pings": // which are lost rather than late
			f.set(lost)
			timer := time.AfterFunc(silence, func() { f.set(nil) })
			defer timer.Stop()
		default:
			f.hold(silence)
		}
		report := check(t, traffic)
		if report.Err != nil {
			t.Errorf("the traffic broke after a silence: %v", report.Err)
		}
		if report.Gap < silence/2 {
			t.Errorf("a silence of %s was measured as %s", silence, report.Gap)
		}
		if name == "datagrams" && report.Lost == 0 {
			t.Error("the losses were not counted")
		}
	})
}

func TestChangedTrafficDoesNotSurvive(t *testing.T) {
	each(t, func(t *testing.T, _ string, traffic endurance.Traffic, f *faults) {
		f.set(changed)
		if report := check(t, traffic); report.Err == nil {
			t.Errorf("changed content was not detected: %+v", report)
		}
	})
}

func TestLostTrafficDoesNotSurvive(t *testing.T) {
	f := &faults{}
	var all []endurance.Kind
	for name, traffic := range kinds(f) {
		all = append(all, endurance.Kind{Name: name, Traffic: traffic})
	}
	run, err := endurance.Begin(t.Context(), all...)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	run.Reset()
	f.set(lost)
	ctx, cancel := context.WithTimeout(t.Context(), checkTimeout)
	defer cancel()
	for _, report := range run.Check(ctx) {
		if report.Err == nil {
			t.Errorf("a broken connection was not detected: %+v", report)
		}
	}
}

// A single segment that is missing on an otherwise healthy connection is the effect of a wrong sequence adjustment.
func TestADownloadWithAHoleDoesNotSurvive(t *testing.T) {
	f := &faults{}
	download := kinds(f)["download"]
	begin(t, download)
	swallowed := false
	f.set(func(b []byte) []byte {
		if !swallowed {
			swallowed = true
			return b[1:]
		}
		return b
	})
	if report := check(t, download); report.Err == nil {
		t.Errorf("a missing byte was not detected: %+v", report)
	}
}

// The control connection may break while the data connection works, because it was silent.
func TestAnFTPDownloadNeedsItsControlConnection(t *testing.T) {
	for _, broken := range []string{"226", "200"} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			f := &faults{}
			download := kinds(f)["FTP"]
			begin(t, download)
			f.set(func(b []byte) []byte {
				if strings.HasPrefix(string(b), broken) {
					b[0] = '5'
				}
				return b
			})
			if report := check(t, download); report.Err == nil {
				t.Errorf("a refusal was not detected: %+v", report)
			}
		})
	}
}

func TestOneBrokenIdleConnectionIsDetected(t *testing.T) {
	f := &faults{}
	idle := kinds(f)["idle"]
	begin(t, idle)
	answered := 0
	f.set(func(b []byte) []byte {
		if answered++; answered == 50 {
			return nil
		}
		return b
	})
	report := check(t, idle)
	if report.Err == nil || report.Passed != 99 || report.Lost != 1 {
		t.Errorf("%+v", report)
	}
}

func TestAFlowWithAChangedTranslationDoesNotSurvive(t *testing.T) {
	for _, name := range []string{"datagrams", "pings"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &faults{}
			traffic := kinds(f)[name]
			begin(t, traffic)
			f.changePort()
			report := check(t, traffic)
			if report.Err == nil || !strings.Contains(report.Err.Error(), "one address") {
				t.Errorf("a changed port was not detected: %+v", report)
			}
		})
	}
}

// Without a translation a client keeps its port, even if the rival has the same.
func TestAPortConflictShowsThatThereIsATranslation(t *testing.T) {
	conflict := endurance.PortConflict{Client: anyPort.Addr(), Rival: netip.MustParseAddr("127.0.0.2")}
	for _, translated := range []bool{false, true} {
		for name := range kinds(&faults{}) {
			f := &faults{}
			traffic := kinds(f)[name]
			switch kind := traffic.(type) {
			case *endurance.Datagrams:
				kind.PortConflict = conflict
			case *endurance.Pings:
				kind.PortConflict = conflict
			default:
				continue
			}
			t.Run(fmt.Sprintf("%s, translated: %t", name, translated), func(t *testing.T) {
				t.Parallel()
				if translated {
					f.changePort()
				}
				begin(t, traffic)
				if report := check(t, traffic); translated != (report.Err == nil) {
					t.Errorf("%+v", report)
				}
			})
		}
	}
}

func TestAKindThatCannotBeginEndsTheOthers(t *testing.T) {
	good := &closing{Traffic: kinds(&faults{})["counting"]}
	nobody := netip.MustParseAddrPort("192.0.2.1:1")
	bad := &endurance.Download{Hosts: endurance.Hosts{Client: loopback{}, Server: loopback{}}, Server: nobody}
	_, err := endurance.Begin(t.Context(), endurance.Kind{Traffic: good}, endurance.Kind{Name: "bad", Traffic: bad})
	if err == nil || !strings.Contains(err.Error(), "bad") {
		t.Errorf("began: %v", err)
	}
	if !good.closed {
		t.Error("the traffic that had begun was not closed")
	}
}

func TestKindsRunTogether(t *testing.T) {
	all := kinds(&faults{})
	run, err := endurance.Begin(t.Context(),
		endurance.Kind{Name: "download", Traffic: all["download"]},
		endurance.Kind{Name: "counting", Traffic: all["counting"]})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	run.Reset()
	var text strings.Builder
	for _, report := range run.Check(t.Context()) {
		report.Print(&text)
	}
	for _, want := range []string{"download", "bytes passed", "counting", "numbers passed", "0 lost", "longest gap"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report does not contain %q:\n%s", want, text.String())
		}
	}
}

func TestReportPrintsWhatBroke(t *testing.T) {
	var text strings.Builder
	endurance.Report{Lost: 1, Unit: "connections", Err: context.DeadlineExceeded}.Print(&text)
	if !strings.Contains(text.String(), "BROKEN: context deadline exceeded") {
		t.Error(text.String())
	}
}

// closing records that it was closed.
type closing struct {
	endurance.Traffic
	closed bool
}

func (c *closing) Close() {
	c.Traffic.Close()
	c.closed = true
}
