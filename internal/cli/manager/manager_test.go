package manager

import (
	"io"
	"maps"
	"slices"
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
		"an address instead of a prefix": {
			[]string{"--sidecar-image=a", "--firewall-image=b", "--allowed-virtual-addresses=192.0.2.0/24,192.0.2.1"},
			`--allowed-virtual-addresses: "192.0.2.1" is not a prefix, as in 192.0.2.0/24`,
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

// A cache of all namespaces would need rights in all of them.
func TestManagerWatchesItsNamespacesOnly(t *testing.T) {
	for name, want := range map[string][]string{"all namespaces": nil, "two namespaces": {"site-a", "site-b"}} {
		t.Run(name, func(t *testing.T) {
			options, err := managerOptions{watchNamespaces: want}.forController()
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Sorted(maps.Keys(options.Cache.DefaultNamespaces)); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
