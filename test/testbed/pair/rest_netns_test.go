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
	before := make([]map[string]time.Duration, 0, len(units))
	for _, u := range units {
		before = append(before, u.ProcessorTimes())
	}
	testbed.Pause(t, while)
	for i, u := range units {
		for program, after := range u.ProcessorTimes() {
			used := after - before[i][program]
			t.Logf("%s of %s used %s in %s", program, u.Name, used, while)
			if used > most {
				t.Errorf("%s of %s used %s in %s without traffic, want at most %s", program, u.Name, used, while, most)
			}
		}
	}
}
