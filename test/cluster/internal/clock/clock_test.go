package clock_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster/internal/clock"
)

// childVariable makes this program the process whose clock is stepped.
const childVariable = "HAPAIR_TEST_REPORT_TIME"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		reportTime()
		return
	}
	os.Exit(m.Run())
}

// reportTime answers each line with the progress of the wall clock, the monotonic clock and the boot clock since the
// last line. Many threads read the time throughout.
func reportTime() {
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for last := time.Now(); ; last = time.Now() {
				if last.Nanosecond() < 0 || time.Since(last) < 0 {
					os.Exit(1)
				}
			}
		})
	}
	last, boot := time.Now(), bootTime()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		now, nowBoot := time.Now(), bootTime()
		fmt.Println(int64(now.Round(0).Sub(last.Round(0))), int64(now.Sub(last)), int64(nowBoot-boot))
		last, boot = now, nowBoot
	}
	os.Exit(0) // the other goroutines never end
}

func bootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

func TestTheWallClockOfOneProcessIsStepped(t *testing.T) {
	child := exec.Command("/proc/self/exe")
	child.Env, child.Stderr = append(os.Environ(), childVariable+"=yes"), os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := child.Wait(); err != nil {
			t.Errorf("the process failed: %v", err)
		}
	})
	ask := func() (wall, monotonic, boot time.Duration) {
		if _, err := io.WriteString(in, "\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fscan(out, &wall, &monotonic, &boot); err != nil {
			t.Fatal(err)
		}
		return wall, monotonic, boot
	}
	var before time.Duration
	for _, offset := range []time.Duration{
		0, time.Hour, -90*time.Minute - 700*time.Millisecond, 999999999, -1, 1500 * time.Millisecond, 0,
	} {
		ask()
		if err := clock.Set(t.Context(), child.Process.Pid, offset); err != nil {
			t.Fatal(err)
		}
		wall, monotonic, boot := ask()
		if step := offset - before; (wall - monotonic - step).Abs() > 10*time.Millisecond {
			t.Errorf("stepped by %v, the process saw %v", step, wall-monotonic)
		}
		if monotonic < 0 || monotonic > 5*time.Second || (monotonic-boot).Abs() > 10*time.Millisecond {
			t.Errorf("the other clocks advanced by %v and %v", monotonic, boot)
		}
		before = offset
	}
}

func TestAProcessThatIsGoneIsPassedOver(t *testing.T) {
	child := exec.Command("true")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	if err := clock.Set(t.Context(), child.Process.Pid, time.Hour); err != nil {
		t.Error(err)
	}
}
