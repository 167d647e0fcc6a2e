package endurance_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

func TestMain(m *testing.M) {
	endurance.Repeater()
	os.Exit(m.Run())
}

// kinds are all kinds of traffic between two hosts, of which the server has faults; but for the idle connections, whose
// server is another process, the client has them.
func kinds(f *faults) map[string]endurance.Traffic {
	hosts := endurance.Hosts{Client: loopback{}, Server: faulty{faults: f}}
	reversed := endurance.Hosts{Client: faulty{faults: f}, Server: loopback{}}
	wire := newEchoes(f)
	return map[string]endurance.Traffic{
		"download":     &endurance.Download{Kind: "download", Hosts: hosts, Server: anywhere},
		"FTP":          &endurance.FTP{Kind: "FTP", Hosts: hosts, Server: anywhere},
		"datagrams":    &endurance.Datagrams{Kind: "datagrams", Hosts: hosts, Server: anywhere},
		"conversation": &endurance.Conversation{Kind: "conversation", Hosts: hosts, Server: anywhere},
		"idle":         &endurance.Idle{Kind: "idle", Hosts: reversed, Server: anywhere, Connections: 100},
		"pings":        &endurance.Pings{Kind: "pings", Hosts: wire.hosts(), Server: anywhere.Addr()},
	}
}

// each tries something on every kind of traffic, each with faults of its own.
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

func TestTrafficThatIsLetBeSurvives(t *testing.T) {
	each(t, func(t *testing.T, _ string, traffic endurance.Traffic, _ *faults) {
		report := check(t, traffic)
		if report.Err != nil || report.Passed == 0 || report.Lost != 0 {
			t.Errorf("%+v", report)
		}
		if report.Gap > time.Second {
			t.Errorf("nothing came for %s, though nothing was wrong", report.Gap)
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
			t.Errorf("a silence is not the end: %v", report.Err)
		}
		if report.Gap < silence/2 {
			t.Errorf("nothing came for %s, measured %s", silence, report.Gap)
		}
		if name == "datagrams" && report.Lost == 0 {
			t.Error("what was lost was not counted")
		}
	})
}

func TestWhatIsChangedDoesNotSurvive(t *testing.T) {
	each(t, func(t *testing.T, _ string, traffic endurance.Traffic, f *faults) {
		f.set(changed)
		if report := check(t, traffic); report.Err == nil {
			t.Errorf("what came was not what was sent, and nobody noticed: %+v", report)
		}
	})
}

func TestWhatIsLostDoesNotSurvive(t *testing.T) {
	f := &faults{}
	all := slices.Collect(maps.Values(kinds(f)))
	run, err := endurance.Begin(t.Context(), all...)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	run.Forget()
	f.set(lost)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, report := range run.Check(ctx) {
		if report.Err == nil {
			t.Errorf("nothing came any more, and nobody noticed: %+v", report)
		}
	}
}

// A single segment that is missing on an otherwise healthy connection is what a wrong sequence adjustment looks like.
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
		t.Errorf("one byte was missing, and nobody noticed: %+v", report)
	}
}

func TestOneIdleConnectionOfManyThatIsDeadIsNoticed(t *testing.T) {
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

func TestAFlowThatIsTranslatedAnewDoesNotSurvive(t *testing.T) {
	for _, name := range []string{"datagrams", "pings"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &faults{}
			traffic := kinds(f)[name]
			begin(t, traffic)
			f.translateAnew()
			report := check(t, traffic)
			if report.Err == nil || !strings.Contains(report.Err.Error(), "one place") {
				t.Errorf("the server saw another port, and nobody noticed: %+v", report)
			}
		})
	}
}

// Without a translation a client keeps its port, whoever else has it.
func TestAContestShowsThatThereIsATranslation(t *testing.T) {
	contest := endurance.Contest{Client: anywhere.Addr(), Rival: netip.MustParseAddr("127.0.0.2")}
	for _, translated := range []bool{false, true} {
		for name := range kinds(&faults{}) {
			f := &faults{}
			traffic := kinds(f)[name]
			switch kind := traffic.(type) {
			case *endurance.Datagrams:
				kind.Contest = contest
			case *endurance.Pings:
				kind.Contest = contest
			default:
				continue
			}
			t.Run(fmt.Sprintf("%s, translated: %t", name, translated), func(t *testing.T) {
				t.Parallel()
				if translated {
					f.translateAnew()
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
	good := &closing{Traffic: kinds(&faults{})["conversation"]}
	nobody := netip.MustParseAddrPort("192.0.2.1:1")
	bad := &endurance.Download{
		Kind: "bad", Hosts: endurance.Hosts{Client: loopback{}, Server: loopback{}}, Server: nobody,
	}
	if _, err := endurance.Begin(t.Context(), good, bad); err == nil || !strings.Contains(err.Error(), "bad") {
		t.Errorf("began: %v", err)
	}
	if !good.closed {
		t.Error("the one that had begun goes on")
	}
}

func TestKindsRunTogether(t *testing.T) {
	run, err := endurance.Begin(t.Context(), kinds(&faults{})["download"], kinds(&faults{})["conversation"])
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	run.Forget()
	var text strings.Builder
	for _, report := range run.Check(t.Context()) {
		report.Print(&text)
	}
	for _, want := range []string{"download", "bytes passed", "conversation", "numbers passed", "0 lost", "longest gap"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, text.String())
		}
	}
}

func TestAReportSaysWhatBroke(t *testing.T) {
	var text strings.Builder
	endurance.Report{Kind: "idle", Lost: 1, Unit: "connections", Err: context.DeadlineExceeded}.Print(&text)
	if !strings.Contains(text.String(), "BROKEN: context deadline exceeded") {
		t.Error(text.String())
	}
}

// closing notes that it was closed.
type closing struct {
	endurance.Traffic
	closed bool
}

func (c *closing) Close() {
	c.Traffic.Close()
	c.closed = true
}
