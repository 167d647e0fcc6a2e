package health_test

import (
	"path/filepath"
	"testing"

	"github.com/hapair-io/hapair/internal/supervisor"
	"github.com/hapair-io/hapair/internal/supervisor/health"
	"github.com/hapair-io/hapair/internal/supervisor/lifecycle"
)

func TestReportArrives(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "health")
	report := supervisor.Report{Daemons: []supervisor.DaemonReport{{
		Name: "charon", Phase: lifecycle.Waiting, Restarts: 2, LastExit: "signal: killed", Silence: "refused",
	}}}
	for range 2 { // the second finds the socket of the first
		server, err := health.Serve(socket, func() supervisor.Report { return report })
		if err != nil {
			t.Fatal(err)
		}
		got, err := health.Ask(t.Context(), socket)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Daemons) != 1 || got.Daemons[0] != report.Daemons[0] {
			t.Errorf("got %+v, want %+v", got, report)
		}
		if want := "charon is waiting after: signal: killed, no answer: refused"; got.Unhealthy() != want {
			t.Errorf("got %q, want %q", got.Unhealthy(), want)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
	if got, err := health.Ask(t.Context(), socket); err == nil {
		t.Errorf("got %+v from nobody", got)
	}
}
