package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/cluster"
)

func TestEveryCommandExplainsItself(t *testing.T) {
	for _, command := range newCommand().Commands() {
		if command.Short == "" || strings.HasSuffix(command.Short, ".") {
			t.Errorf("%s: the short help must be one phrase without a full stop: %q", command.Name(), command.Short)
		}
		if strings.Contains(command.Use, " ") && !command.Hidden && command.Example == "" {
			t.Errorf("%s takes arguments and has no example", command.Name())
		}
		for line := range strings.SplitSeq(command.Long, "\n") {
			if len(line) > 110 {
				t.Errorf("%s: a line of %d bytes in the help: %s", command.Name(), len(line), line)
			}
		}
	}
}

func TestHelpHidesWhatIsNotForPeople(t *testing.T) {
	var help bytes.Buffer
	root := newCommand()
	root.SetOut(&help)
	root.SetArgs([]string{"--help"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(help.String(), "power-off") || strings.Contains(help.String(), "node-init") {
		t.Errorf("help:\n%s", help.String())
	}
}

func TestArgumentsAreChecked(t *testing.T) {
	for _, args := range [][]string{
		{"up", "now"},
		{"power-off"},
		{"cut", "worker-1"},
		{"heal", "worker-1"},
		{"unplug", "worker-1"},
		{"load"},
		{"exec", "client"},
		{"signal", "worker-1", "sidecar"},
		{"signal", "worker-1", "sidecar", "NONE"},
		{"clock", "worker-1"},
		{"clock", "worker-1", "tomorrow"},
	} {
		root := newCommand()
		root.SetArgs(args)
		if err := root.Execute(); err == nil {
			t.Errorf("cluster %s did not fail", strings.Join(args, " "))
		}
	}
}

func TestStatusIsATable(t *testing.T) {
	var out bytes.Buffer
	err := show(&out, cluster.Status{
		Hosts: []cluster.HostStatus{
			{Name: "worker-1", Address: "10.90.0.11", Powered: true, PID: 12, Ready: "yes", Cables: []cluster.CableStatus{
				{Interface: "eth0", Plugged: true}, {Interface: "lan0"},
			}},
			{Name: "worker-2", Address: "10.90.0.12"},
		},
		Cuts: [][2]string{{"worker-1", "worker-2"}},
	})
	want := `HOST       ADDRESS      POWER   PID   CABLES                   READY
worker-1   10.90.0.11   on      12    eth0, lan0 (unplugged)   yes
worker-2   10.90.0.12   off     -                              -
cut between worker-1 and worker-2
`
	if err != nil || out.String() != want {
		t.Errorf("status = %v\n%s\nwant\n%s", err, out.String(), want)
	}
}
