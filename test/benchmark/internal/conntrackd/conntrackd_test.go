package conntrackd

import (
	"strings"
	"testing"
)

func TestConfiguration(t *testing.T) {
	c := Configuration{
		Own: "10.0.0.1", Peer: "10.0.0.2", Log: "l", Lock: "k", Socket: "s", Ignored: []string{"10.0.0.9"},
	}
	shipped := c.Render()
	c.Tuned = true
	tuned := c.Render()
	c.Direct = true
	direct := c.Render()
	c.Ordinary = true
	ordinary := c.Render()
	for name, c := range map[string]struct {
		text string
		has  []string
		not  []string
	}{
		"shipped": {
			shipped,
			[]string{"NetlinkBufferSize 2097152\n", "IPv4_address 10.0.0.9\n"},
			[]string{"ResendQueueSize", "External"},
		},
		"tuned": {
			tuned, []string{"NetlinkBufferSize 268435456\n", "ResendQueueSize 4194304\n"}, []string{"External"},
		},
		"ordinary": {ordinary, []string{"Priority 0\n"}, nil},
		"direct":   {direct, []string{"RcvSocketBuffer 268435456\n", "DisableExternalCache On\n"}, nil},
	} {
		for _, part := range c.has {
			if !strings.Contains(c.text, part) {
				t.Errorf("%s lacks %q:\n%s", name, part, c.text)
			}
		}
		for _, part := range c.not {
			if strings.Contains(c.text, part) {
				t.Errorf("%s has %q:\n%s", name, part, c.text)
			}
		}
	}
}

func TestExternalCacheIsTheSecondOfTwo(t *testing.T) {
	const answer = `cache internal:
current active connections:	           7
connections created:		           9	failed:	           0

cache external:
current active connections:	      500004
connections created:		      500010	failed:	           0
`
	found := externalCache.FindStringSubmatch(answer)
	if len(found) != 2 || found[1] != "500004" {
		t.Errorf("got %q", found)
	}
}
