//go:build netns

package pair_test

import (
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// wholeFirewall is a document that starts every part of the default firewall.
const wholeFirewall = television + `
  services:
  - {name: rtsp, protocol: TCP, ports: [554], helper: RTSP}
  - {name: oracle, protocol: TCP, ports: [1521], helper: SQLNet}
  - {name: realaudio, protocol: TCP, ports: [7070], helper: RealAudio}
  neighbours:
  - {interface: lan0, address: 192.168.50.77, mac: "02:00:00:00:00:77"}
`

// A pair without traffic hardly uses the processor, with every part of the firewall running.
func TestPairRests(t *testing.T) {
	bed := pair.New(t, pair.Options{Providers: true, Gate: true, Document: wholeFirewall})
	const while = 2 * time.Second
	const most = while / 20
	testbed.Pause(t, time.Second) // for what the start left to be done
	units := []*pair.Unit{bed.Active, bed.Standby}
	before := processorTimes(units)
	testbed.Pause(t, while)
	for program, after := range processorTimes(units) {
		used := after - before[program]
		t.Logf("%s used %s in %s", program, used, while)
		if used > most {
			t.Errorf("%s used %s in %s without traffic, want at most %s", program, used, while, most)
		}
	}
}

// processorTimes returns how long each program of units has used a processor.
func processorTimes(units []*pair.Unit) map[string]time.Duration {
	all := map[string]time.Duration{}
	for _, u := range units {
		for program, used := range u.ProcessorTimes() {
			all[program+" of "+u.Name] = used
		}
	}
	return all
}
