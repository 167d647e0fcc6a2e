package options_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class/connectioncache/options"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

func TestParse(t *testing.T) {
	o, err := options.Parse([]byte(`{"protocols":["UDP","TCP"],"excludedNetworks":["2001:db8::/32","192.0.2.0/24"],
		"tcpStates":["TimeWait","Established"],"minimumAgeSeconds":5,"ofALaterRelease":true}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := o.ProtocolNumbers(); !reflect.DeepEqual(got, []uint8{conntrack.ProtocolTCP, conntrack.ProtocolUDP}) {
		t.Errorf("protocols %v", got)
	}
	want := []uint8{uint8(conntrack.TCPEstablished), uint8(conntrack.TCPTimeWait)}
	if got := o.TCPStateNumbers(); !reflect.DeepEqual(got, want) {
		t.Errorf("TCP states %v, want %v", got, want)
	}
	if o.MinimumAge() != 5*time.Second || len(o.ExcludedNetworks) != 2 ||
		o.ExcludedNetworks[0].String() != "192.0.2.0/24" {
		t.Errorf("got %+v", o)
	}
	if o, err := options.Parse(nil); err != nil || !reflect.DeepEqual(o, options.Options{}) {
		t.Errorf("no document is %+v, %v", o, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for document, want := range map[string]string{
		`{"protocols":["TCP","IPX"]}`: `protocols[1]: unknown protocol "IPX"; ` +
			"known: GRE, ICMP, ICMPv6, SCTP, TCP, UDP",
		`{"tcpStates":["Asleep"]}`:           `tcpStates[0]: unknown TCP state "Asleep"; known: Close,`,
		`{"minimumAgeSeconds":61}`:           "minimumAgeSeconds: 61 is not between 0 and 60",
		`{"minimumAgeSeconds":-1}`:           "minimumAgeSeconds: -1 is not between 0 and 60",
		`{"excludedNetworks":["192.0.2.0"]}`: "192.0.2.0",
		`{"excludedNetworks":[""]}`:          "excludedNetworks[0]: not an address block",
		`[]`:                                 "cannot unmarshal",
		`{"excludedNetworks":["192.0.2.0/24"` + strings.Repeat(`,"192.0.2.0/24"`, 64) + `]}`: "65 networks, at most 64",
	} {
		if o, err := options.Parse([]byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is %+v, %v, want an error with %q", document, o, err, want)
		}
	}
}
