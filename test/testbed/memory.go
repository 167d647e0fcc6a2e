package testbed

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is the memory of a process in bytes: the resident set, and its peak.
type Memory struct{ Resident, Peak int }

// MemoryOf reads VmRSS and VmHWM, see proc_pid_status(5).
func MemoryOf(pid int) (m Memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		kilobytes, err := strconv.Atoi(fields[1])
		if err != nil {
			return m, fmt.Errorf("unknown format of status: %q", line)
		}
		switch fields[0] {
		case "VmRSS:":
			m.Resident = kilobytes << 10
		case "VmHWM:":
			m.Peak = kilobytes << 10
		}
	}
	if m.Resident == 0 || m.Peak == 0 {
		return m, fmt.Errorf("the status of process %d has no memory", pid)
	}
	return m, nil
}
