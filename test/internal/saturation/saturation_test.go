package saturation_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/cpuload"
	"github.com/hapair-io/hapair/test/internal/saturation"
)

func TestMain(m *testing.M) {
	saturation.Program()
	os.Exit(m.Run())
}

func TestEveryProcessorIsBusyUntilStop(t *testing.T) {
	load, err := saturation.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before, err := cpuload.Now()
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Second)
	after, err := cpuload.Now()
	if err != nil {
		t.Fatal(err)
	}
	if busy, most := after.Since(before).Busy, 0.8*float64(runtime.NumCPU()); busy < most {
		t.Errorf("%.2f processors were busy, want at least %.2f", busy, most)
	}
	if err := load.Stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}
