package pair

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc, which is the same on every supported architecture.
const tick = time.Second / 100

// ProcessorTimes returns how long each program of the unit has used a processor.
func (u *Unit) ProcessorTimes() map[string]time.Duration {
	u.t.Helper()
	times := map[string]time.Duration{"replication": u.processorTime(u.command.Process.Pid)}
	if u.firewall != nil {
		times["firewall"] = u.processorTime(u.firewall.PID())
	}
	return times
}

// processorTime returns the processor time of all threads of a process (proc_pid_stat(5)).
func (u *Unit) processorTime(process int) (used time.Duration) {
	u.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		u.t.Fatal(err)
	}
	// The name may hold spaces. The first field behind it is the third, the times are the 14th and the 15th.
	fields := strings.Fields(string(text[strings.LastIndex(string(text), ")")+1:]))
	for _, field := range fields[11:13] {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			u.t.Fatal(err)
		}
		used += time.Duration(ticks) * tick
	}
	return used
}
