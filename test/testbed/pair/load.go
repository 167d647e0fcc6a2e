package pair

import (
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// ProcessorTimes returns how long each program of the unit has used a processor.
func (u *Unit) ProcessorTimes() map[string]time.Duration {
	u.t.Helper()
	processes := map[string]int{"replication": u.PID()}
	if u.firewall != nil {
		processes["firewall"] = u.firewall.PID()
	}
	times := map[string]time.Duration{}
	for program, process := range processes {
		used, err := testbed.ProcessorTime(process)
		if err != nil {
			u.t.Fatal(err)
		}
		times[program] = used
	}
	return times
}
