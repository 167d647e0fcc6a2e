package manager

import (
	"io"
	"testing"
)

// What is missing is told at once, and all of it together, before anything is asked of a cluster.
func TestManagerRefusesIncompleteFlags(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "")
	tests := map[string]struct {
		args []string
		want string
	}{
		"nothing": {nil, "--sidecar-image must be set\n--firewall-image must be set"},
		"no namespace to agree in": {
			[]string{"--sidecar-image=a", "--firewall-image=b", "--leader-elect"},
			"--leader-elect needs --leader-election-namespace or POD_NAMESPACE",
		},
		"something more": {[]string{"run"}, `unknown command "run" for "manager"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			command := NewCommand()
			command.SetArgs(test.args)
			command.SetOut(io.Discard)
			command.SetErr(io.Discard)
			if err := command.ExecuteContext(t.Context()); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
