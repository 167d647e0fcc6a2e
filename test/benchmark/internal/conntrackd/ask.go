package conntrackd

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"

	"github.com/hapair-io/hapair/test/testbed"
)

// externalCache finds in the answer to `conntrackd -s` how many entries the cache of what the peer told has.
var externalCache = regexp.MustCompile(`cache external:\s+current active connections:\s+(\d+)`)

// Cached is how many entries a router's conntrackd holds of what the peer told.
func Cached(on *testbed.Namespace, configuration string) (int, error) {
	answer, err := Tell(on, configuration, "-s")
	if err != nil {
		return 0, err
	}
	found := externalCache.FindStringSubmatch(answer)
	if found == nil {
		return 0, fmt.Errorf("asking conntrackd for its caches: unknown answer %q", answer)
	}
	return strconv.Atoi(found[1])
}

// Tell has a router's conntrackd carry out a command, and returns what it said.
func Tell(on *testbed.Namespace, configuration, command string) (string, error) {
	c := exec.Command(Program, "-C", configuration, command)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := on.Start(c); err != nil {
		return "", err
	}
	if err := c.Wait(); err != nil {
		return "", fmt.Errorf("conntrackd %s: %w: %s", command, err, out.String())
	}
	return out.String(), nil
}
