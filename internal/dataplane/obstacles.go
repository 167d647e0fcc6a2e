package dataplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// setting is a setting of the kernel for all interfaces that the data plane does not work with. No netlink message sets
// it, and a container cannot write the file.
type setting struct {
	// name is the path below /proc/sys, which is also the name for sysctl.
	name string
	// most is the greatest value that works.
	most int
}

// settings are those that override what package gate sets on each interface.
var settings = []setting{
	{"net/ipv4/conf/all/arp_ignore", 1}, // 8 answers for no address at all.
}

// findObstacles returns what else keeps packets from the data plane and only a person can decide about. A firewall of a
// third party may have IPsec policies that drop.
func (p *Plane) findObstacles() error {
	var errs []error
	for _, s := range settings {
		errs = append(errs, p.checkSetting(s))
	}
	if !p.Shared {
		errs = append(errs, p.checkPolicies())
	}
	return errors.Join(errs...)
}

// checkPolicies returns an error that names the IPsec policies that only drop packets.
func (p *Plane) checkPolicies() error {
	if p.Policies == nil {
		return nil
	}
	blocking, err := p.Policies.Blocking()
	if err == nil && len(blocking) > 0 {
		err = fmt.Errorf("%d IPsec policies drop packets, the first is %s: remove them with ip xfrm policy",
			len(blocking), blocking[0])
	}
	return err
}

// checkSetting returns an error if a setting has a value that the data plane does not work with.
func (p *Plane) checkSetting(s setting) error {
	if p.Settings == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(p.Settings, s.name))
	if err != nil {
		return fmt.Errorf("reading a setting of the kernel: %w", err)
	}
	value, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("reading the setting %s of the kernel: %w", s.name, err)
	}
	if value > s.most {
		return fmt.Errorf("the setting %s is %d: set it to %d or less in the unit's network namespace, or delete its pod",
			strings.ReplaceAll(s.name, "/", "."), value, s.most)
	}
	return nil
}
