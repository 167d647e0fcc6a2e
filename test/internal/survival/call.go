package survival

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/hapair-io/hapair/test/internal/calls"
	"github.com/hapair-io/hapair/test/internal/endurance"
)

const (
	// signalling is the port of SIP, and echoPort that at which the server echoes media.
	signalling, echoPort = 5060, 6000
	// packetsASecond is how many packets of media a phone sends.
	packetsASecond = 50
)

// Call has a call over SIP whose media the server echoes. Both ends are SIPp.
type Call struct {
	Site Site

	started
	folder    string
	isCalling bool
}

// Serve implements Sessions.
func (c *Call) Serve(ctx context.Context) error {
	if err := c.address(c.Site.LAN, phone); err != nil {
		return err
	}
	count := fmt.Sprintf("nft add table ip phone { chain media { type filter hook input priority 0; "+
		"udp sport %d counter; }; }", echoPort)
	if err := c.change(c.Site.LAN, count, "nft delete table ip phone"); err != nil {
		return err
	}
	var err error
	if c.folder, err = c.directory("call"); err != nil {
		return err
	}
	if err := calls.Write(c.folder); err != nil {
		return err
	}
	return c.sipp(c.Site.WAN, fmt.Sprintf("-sn uas -rtp_echo -p %d -mp %d -i %s -mi %s",
		signalling, echoPort, server, server))
}

// sipp runs SIPp with arguments that spaces separate.
func (c *Call) sipp(on endurance.Host, arguments string) error {
	command := exec.Command("sipp", strings.Fields(arguments+" -nostdin")...)
	command.Dir = c.folder
	return c.start(on, command)
}

// Prepare implements Sessions.
func (c *Call) Prepare(ctx context.Context) error {
	if c.isCalling {
		return nil
	}
	c.isCalling = true
	to := netip.AddrPortFrom(server, signalling)
	err := c.sipp(c.Site.LAN, fmt.Sprintf("-sf %s -m 1 -p %d -mp 40404 -i %s -mi %s %s",
		calls.Scenario, signalling, phone, phone, to))
	if err != nil {
		return err
	}
	return c.hears(ctx)
}

// Check implements Sessions.
func (c *Call) Check(ctx context.Context) []Proof {
	return []Proof{{What: "media of a call over SIP, both ways", NeedsClass: true, Err: c.hears(ctx)}}
}

// hears waits until the phone has heard two seconds of media.
func (c *Call) hears(ctx context.Context) error {
	return grows(ctx, "media of the call", 2*packetsASecond, c.heard)
}

var counted = regexp.MustCompile(`packets (\d+)`)

// heard returns how many packets of media the phone has received.
func (c *Call) heard() (uint64, error) {
	listing, err := command(c.Site.LAN, "nft list chain ip phone media")
	if err != nil {
		return 0, err
	}
	found := counted.FindStringSubmatch(listing)
	if found == nil {
		return 0, fmt.Errorf("reading the packets in %s", listing)
	}
	return strconv.ParseUint(found[1], 10, 64)
}
