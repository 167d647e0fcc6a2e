package cgroup

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Hierarchy is one mounted tree of control groups and the caller's own group in it.
type Hierarchy struct {
	Mount   string `json:"mount"`   // such as /sys/fs/cgroup/cpu,cpuacct
	Options string `json:"options"` // what mounts it again, such as cpu,cpuacct or none,name=systemd; empty on version 2
	Own     string `json:"own"`     // the caller's group, such as /user.slice
}

// Unified reports whether this is the one hierarchy of version 2.
func (h Hierarchy) Unified() bool { return h.Options == "" }

// Hierarchies returns the trees that a container runtime uses on this machine: all of version 1, or the one of version
// 2.
func Hierarchies() ([]Hierarchy, error) {
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer func() { _ = mounts.Close() }()
	groups, err := os.Open("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	defer func() { _ = groups.Close() }()
	hierarchies, err := parse(mounts, groups)
	if err != nil {
		return nil, err
	}
	if len(hierarchies) == 0 {
		return nil, fmt.Errorf("no control groups are mounted: mount them, as systemd does under /sys/fs/cgroup")
	}
	return hierarchies, nil
}

// parse combines the mounts (in the format of /proc/PID/mountinfo) with the caller's groups (/proc/PID/cgroup).
func parse(mountinfo, groups io.Reader) ([]Hierarchy, error) {
	own, err := parseGroups(groups)
	if err != nil {
		return nil, err
	}
	var first, second []Hierarchy
	scanner := bufio.NewScanner(mountinfo)
	for scanner.Scan() {
		mount, kind, options, ok := parseMount(scanner.Text())
		switch {
		case !ok:
		case kind == "cgroup2":
			second = append(second, Hierarchy{Mount: mount, Own: own[""]})
		case kind == "cgroup":
			controllers := controllersOf(options)
			if path, found := own[controllers]; found && !slices.ContainsFunc(first, mountedAs(controllers)) {
				first = append(first, Hierarchy{Mount: mount, Options: mountOptions(controllers), Own: path})
			}
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	if len(first) > 0 {
		return first, nil // version 2 then has no controller that a runtime would use
	}
	return second[:min(len(second), 1)], nil
}

func mountedAs(controllers string) func(Hierarchy) bool {
	return func(h Hierarchy) bool { return h.Options == mountOptions(controllers) }
}

// parseGroups maps a hierarchy's controllers, sorted and joined by commas, to the caller's group in it.
func parseGroups(r io.Reader) (map[string]string, error) {
	own := map[string]string{}
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		fields := strings.SplitN(scanner.Text(), ":", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("unknown line in /proc/self/cgroup: %q", scanner.Text())
		}
		own[ordered(fields[1])] = fields[2]
	}
	return own, scanner.Err()
}

// parseMount parses a line of mountinfo, see proc_pid_mountinfo(5).
func parseMount(line string) (mount, kind, options string, ok bool) {
	before, after, found := strings.Cut(line, " - ")
	left, right := strings.Fields(before), strings.Fields(after)
	if !found || len(left) < 5 || len(right) < 3 {
		return "", "", "", false
	}
	return left[4], right[0], right[2], true
}

// controllersOf returns the controllers, or the name, from a mount's options.
func controllersOf(options string) string {
	flags := []string{"rw", "ro", "xattr", "clone_children", "noprefix", "release_agent", "cpuset_v2_mode", "all", "none"}
	var controllers []string
	for option := range strings.SplitSeq(options, ",") {
		key, _, _ := strings.Cut(option, "=")
		if !slices.Contains(flags, key) {
			controllers = append(controllers, option)
		}
	}
	return ordered(strings.Join(controllers, ","))
}

func ordered(controllers string) string {
	parts := strings.Split(controllers, ",")
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

func mountOptions(controllers string) string {
	if strings.HasPrefix(controllers, "name=") {
		return "none," + controllers
	}
	return controllers
}

// path returns the folder of a group below the cluster's root in this hierarchy.
func (h Hierarchy) path(group string) string {
	own := h.Own
	if h.Unified() {
		own = "/"
	}
	return filepath.Join(h.Mount, own, group)
}
