package configuration_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/frr/configuration"
)

var update = flag.Bool("update", false, "write the golden file")

func secret() map[string][]byte {
	return map[string][]byte{"ospf": []byte("for-ospf\n"), "rip": []byte("for-rip"), "bgp": []byte("a-longer-one-for-bgp")}
}

// everything returns the document with all fields.
func everything(t testing.TB) document.Document {
	t.Helper()
	text, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

func parse(t testing.TB, text string) document.Document {
	t.Helper()
	d, err := document.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestGolden compares the whole configuration. Run it with -update to write the file again.
func TestGolden(t *testing.T) {
	const golden = "testdata/everything.conf"
	c := configuration.Compile(everything(t), secret())
	if len(c.Faults) > 0 {
		t.Errorf("got the faults %q", c.Faults)
	}
	if want := []string{"bgp", "ospf", "ospf6", "rip", "ripng"}; !slices.Equal(c.Protocols, want) {
		t.Errorf("got the protocols %q, want %q", c.Protocols, want)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(c.Text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if c.Text != string(want) {
		t.Errorf("%s differs; run the test with -update and review the difference. Got:\n%s", golden, c.Text)
	}
}

func TestNothingWithoutProtocols(t *testing.T) {
	d := everything(t)
	d.Routing.Dynamic = document.DynamicRouting{}
	if c := configuration.Compile(d, nil); len(c.Protocols) > 0 || c.Text != "" || len(c.Faults) > 0 {
		t.Errorf("got %+v", c)
	}
}

// TestUnusableKeysAreLeftOut has a Secret without usable entries. No protocol falls back to packets in clear.
func TestUnusableKeysAreLeftOut(t *testing.T) {
	d := everything(t)
	for name, bad := range map[string]map[string][]byte{
		"the Secret has no entry": {},
		"is empty":                {"ospf": nil, "rip": []byte("\n"), "bgp": {}},
		"bytes, at most": {
			"ospf": []byte(strings.Repeat("a", 17)), "rip": []byte(strings.Repeat("a", 17)),
			"bgp": []byte(strings.Repeat("a", 81)),
		},
		"other characters": {"ospf": []byte("a b"), "rip": []byte("a\nno router rip"), "bgp": []byte("é")},
	} {
		c := configuration.Compile(d, bad)
		problems := configuration.CheckSecret(d.Routing.Dynamic, bad)
		if len(c.Faults) != 3 || len(problems) != 3 {
			t.Fatalf("%s: got the faults %q and the problems %v", name, c.Faults, problems)
		}
		for _, text := range append(c.Faults, problems[0].Message) {
			if !strings.Contains(text, name) {
				t.Errorf("got %q, want %q in it", text, name)
			}
		}
		for _, absent := range []string{"md5 a", "key-string", "password"} {
			if strings.Contains(c.Text, absent) {
				t.Errorf("%s: %q is in:\n%s", name, absent, c.Text)
			}
		}
		for _, want := range []string{
			" ip ospf authentication message-digest\n", " ip rip authentication mode md5\n",
			" neighbor 203.0.113.9 shutdown\n",
		} {
			if !strings.Contains(c.Text, want) {
				t.Errorf("%s: %q is not in:\n%s", name, want, c.Text)
			}
		}
	}
	if problems := configuration.CheckSecret(d.Routing.Dynamic, secret()); len(problems) > 0 {
		t.Errorf("got %v", problems)
	}
}

// TestLearnedDefaultIsAnnounced has no default route of its own.
func TestLearnedDefaultIsAnnounced(t *testing.T) {
	d := everything(t)
	const learned = " default-information originate route-map hapair-traffic\n"
	if got := strings.Count(configuration.Compile(d, secret()).Text, learned); got != 1 { // of IPv6
		t.Errorf("got %d", got)
	}
	d.Routing.Routes = nil
	if got := strings.Count(configuration.Compile(d, secret()).Text, learned); got != 2 {
		t.Errorf("got %d without a static route", got)
	}
}

// FuzzCompile has names that Parse accepts. No name or key begins a line of its own.
func FuzzCompile(f *testing.F) {
	f.Add("wan", "for-ospf", "10.0.0.0/8")
	f.Add("a-1", "a\nb", "::/0")
	f.Fuzz(func(t *testing.T, name, key, prefix string) {
		d, err := document.Parse(fmt.Appendf(nil, `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",`+
			`"spec":{"zones":[{"name":"wan","interfaces":[%q]}],"routing":{"dynamic":{"routerID":"192.0.2.1",`+
			`"ospf":{"areas":[{"id":"0.0.0.0","interfaces":[{"name":%q,"authentication":{"key":"k"}}]}]},`+
			`"bgp":{"asn":65001,"networks":[%q],"neighbours":[{"address":"192.0.2.9","localAddress":"192.0.2.2",`+
			`"asn":65002,"passwordKey":"k"}]}}}}}`, name, name, prefix))
		if err != nil {
			return
		}
		c := configuration.Compile(d, map[string][]byte{"k": []byte(key)})
		known := []string{
			"!", "address-family", "bgp", "capability", "exit", "exit-address-family", "graceful-restart", "interface", "ip",
			"ipv6", "match", "neighbor", "network", "no", "ospf", "route-map", "router",
		}
		for line := range strings.Lines(c.Text) {
			first, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			if !slices.Contains(known, first) {
				t.Fatalf("the line %q begins with another word, for %q, %q and %q", line, name, key, prefix)
			}
		}
	})
}
