//go:build netns

package firewall_test

import (
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

// The kernel never asks the rules about a connection that had a reply. Only a revalidation ends it, translated or not.
func TestFlowEndsWhenItsPolicyBecomesDropAfterReplies(t *testing.T) {
	for name, translation := range map[string]string{
		"plain": "", "translated": "  sourceNAT:\n  - {name: out, to: wan, address: 203.0.113.1}\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.reachLAN()
			b.echo(b.server, ":80")
			text := head + `
  services: [{name: web, protocol: TCP, ports: [80]}]
  policies: [{name: web, from: [lan], to: [wan], services: [web], action: Accept}]
` + translation
			b.apply(text)
			lines := []*line{b.mustDial(b.client, serverAddress+":80"), b.mustDial(b.client, "["+serverAddress6+"]:80")}
			for _, l := range lines {
				if _, err := l.exchange("before", patience); err != nil {
					t.Fatal(err)
				}
			}
			b.apply(strings.Replace(text, "action: Accept", "action: Drop", 1))
			for _, l := range lines {
				b.eventually(func() bool {
					_, err := l.exchange("ended", 100*time.Millisecond)
					return isTimeout(err)
				}, gomega.BeTrue())
			}
		})
	}
}
