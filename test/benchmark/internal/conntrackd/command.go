package conntrackd

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"

	"github.com/hapair-io/hapair/test/testbed"
)

// externalCache matches the size of the external cache, which holds the peer's entries, in the output of `conntrackd
// -s`.
var externalCache = regexp.MustCompile(`cache external:\s+current active connections:\s+(\d+)`)

// Cached returns the number of the peer's entries in a router's conntrackd.
func Cached(on *testbed.Namespace, configuration string) (int, error) {
	answer, err := Command(on, configuration, "-s")
	if err != nil {
		return 0, err
	}
	found := externalCache.FindStringSubmatch(answer)
	if found == nil {
		return 0, fmt.Errorf("asking conntrackd for its caches: unknown answer %q", answer)
	}
	return strconv.Atoi(found[1])
}

// Command makes a router's conntrackd execute a command, and returns its output.
func Command(on *testbed.Namespace, configuration, command string) (string, error) {
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
