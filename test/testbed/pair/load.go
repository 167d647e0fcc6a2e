package pair

import (
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// processes returns the ID of the process of each program of the unit.
func (u *Unit) processes() map[string]int {
	u.t.Helper()
	processes := map[string]int{"replication": u.PID()}
	if u.firewall != nil {
		processes["firewall"] = u.firewall.PID()
	}
	if u.vpn != nil {
		var err error
		if processes["vpn"], processes["charon"], err = u.vpnProcesses(); err != nil {
			u.t.Fatal(err)
		}
	}
	return processes
}

// Memory returns the memory of each program of the unit.
func (u *Unit) Memory() map[string]testbed.Memory {
	u.t.Helper()
	all := map[string]testbed.Memory{}
	for program, process := range u.processes() {
		memory, err := testbed.MemoryOf(process)
		if err != nil {
			u.t.Fatal(err)
		}
		all[program] = memory
	}
	return all
}

// ProcessorTimes returns how long each program of the unit has used a processor.
func (u *Unit) ProcessorTimes() map[string]time.Duration {
	u.t.Helper()
	times := map[string]time.Duration{}
	for program, process := range u.processes() {
		used, err := testbed.ProcessorTime(process)
		if err != nil {
			u.t.Fatal(err)
		}
		times[program] = used
	}
	return times
}
