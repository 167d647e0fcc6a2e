package vpn

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestImageHasThePlugins compares the plugins that charon loads with the files of the image.
func TestImageHasThePlugins(t *testing.T) {
	contents, err := os.ReadFile("../../images/vpn/contents.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const prefix, suffix = "- /usr/lib/ipsec/plugins/libstrongswan-", ".so"
	var inImage []string
	for line := range strings.Lines(string(contents)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
			inImage = append(inImage, strings.TrimSuffix(name, suffix))
		}
	}
	loaded := Settings{ESP: UserspaceESP}.plugins()
	slices.Sort(loaded)
	slices.Sort(inImage)
	if !slices.Equal(loaded, inImage) {
		t.Errorf("charon loads %q, and images/vpn/contents.yaml has %q", loaded, inImage)
	}
}

func TestOnlyUserspaceESPLoadsItsPlugin(t *testing.T) {
	for _, esp := range []ESP{KernelESP, UserspaceESP} {
		got := slices.Contains(Settings{ESP: esp}.plugins(), "kernel-libipsec")
		if want := esp == UserspaceESP; got != want {
			t.Errorf("%s: kernel-libipsec is loaded: %t, want %t", esp, got, want)
		}
		if parsed, err := ParseESP(string(esp)); err != nil || parsed != esp {
			t.Errorf("got %s and %v, want %s", parsed, err, esp)
		}
	}
	if got, err := ParseESP("hardware"); err == nil {
		t.Errorf("got %s, want an error", got)
	}
}

func TestSettingsForUsers(t *testing.T) {
	without := Settings{ESP: UserspaceESP}.String()
	if strings.Contains(without, "pools") || strings.Contains(without, "dns") {
		t.Errorf("got\n%s", without)
	}
	got := Settings{
		ESP: UserspaceESP, Pools: []netip.Prefix{netip.MustParsePrefix("10.88.0.0/24")},
		DNSServers: []netip.Addr{netip.MustParseAddr("192.168.50.1"), netip.MustParseAddr("fd50::1")},
	}.String()
	for _, want := range []string{
		"      pools {\n        10-88-0-0-24 = 10.88.0.0/24\n      }\n    }\n",
		"    attr {\n      dns = 192.168.50.1, fd50::1\n    }\n  }\n}\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s, want it to contain\n%s", got, want)
		}
	}
}
