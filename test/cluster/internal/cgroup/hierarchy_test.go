package cgroup

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := map[string]struct {
		mountinfo, groups string
		want              []Hierarchy
	}{
		"version 1 with two controllers in one hierarchy, and version 2": {
			mountinfo: `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset,clone_children
37 31 0:35 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
38 31 0:36 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw`,
			groups: "4:cpuset:/\n3:cpuacct,cpu:/limited\n2:name=systemd:/user.slice\n0::/\n",
			want: []Hierarchy{
				{Mount: "/sys/fs/cgroup/cpu,cpuacct", Options: "cpu,cpuacct", Own: "/limited"},
				{Mount: "/sys/fs/cgroup/cpuset", Options: "cpuset", Own: "/"},
				{Mount: "/sys/fs/cgroup/systemd", Options: "none,name=systemd", Own: "/user.slice"},
			},
		},
		"version 2": {
			mountinfo: "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
			groups:    "0::/user.slice/session-1.scope\n",
			want:      []Hierarchy{{Mount: "/sys/fs/cgroup", Own: "/user.slice/session-1.scope"}},
		},
		"a hierarchy mounted twice counts once": {
			mountinfo: `32 31 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
44 31 0:29 / /elsewhere/pids rw - cgroup cgroup rw,pids`,
			groups: "3:pids:/\n",
			want:   []Hierarchy{{Mount: "/sys/fs/cgroup/pids", Options: "pids", Own: "/"}},
		},
		"none": {mountinfo: "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw", groups: "0::/\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parse(strings.NewReader(test.mountinfo), strings.NewReader(test.groups))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("parse:\n got %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestParseRefusesUnknownLines(t *testing.T) {
	if _, err := parse(strings.NewReader(""), strings.NewReader("what is this")); err == nil {
		t.Error("an unknown line of /proc/self/cgroup was accepted")
	}
}

func TestPath(t *testing.T) {
	first := Hierarchy{Mount: "/sys/fs/cgroup/memory", Options: "memory", Own: "/limited"}
	if got := first.path("cluster/node"); got != "/sys/fs/cgroup/memory/limited/cluster/node" {
		t.Errorf("version 1: %s", got)
	}
	second := Hierarchy{Mount: "/sys/fs/cgroup", Own: "/user.slice"}
	if got := second.path("cluster/node"); got != "/sys/fs/cgroup/cluster/node" {
		t.Errorf("version 2: %s", got)
	}
}
