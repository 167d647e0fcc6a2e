package main

import (
	"strings"
	"testing"
)

var testMirrors = mirrors{archiveDebian: "http://mirror.test/debian/", archiveSecurity: "http://mirror.test/security/"}

// TestParseAddress has a version with an epoch, which apt escapes in the name of a file.
func TestParseAddress(t *testing.T) {
	a := apt{mirrors: testMirrors}
	got := must(a.parseAddress("'http://mirror.test/security/pool/updates/main/g/gmp/libgmp10_6.3.0%2bdfsg-3_amd64.deb' " +
		"libgmp10_2%3a6.3.0+dfsg-3_amd64.deb 560220 MD5Sum:0\n"))
	want := locked{
		Name: "libgmp10", Version: "2:6.3.0+dfsg-3", Archive: archiveSecurity,
		Path: "pool/updates/main/g/gmp/libgmp10_6.3.0+dfsg-3_amd64.deb", Size: 560220,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, line := range []string{"", "'http://other.test/pool/a_1_amd64.deb' a_1_amd64.deb 1 x", "E: broken"} {
		if got, err := a.parseAddress(line); err == nil {
			t.Errorf("%q: got %+v, want an error", line, got)
		}
	}
	if got, want := escape(want.Path), "pool/updates/main/g/gmp/libgmp10_6.3.0%2bdfsg-3_amd64.deb"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseTargets(t *testing.T) {
	got := parseTargets("Debian http://a/\nDebian http://b/\nDebian-Security http://s/\nOther http://o/\n")
	if got[archiveDebian] != "http://a/" || got[archiveSecurity] != "http://s/" {
		t.Errorf("got %v", got)
	}
}

func TestSourcesNameTheSuite(t *testing.T) {
	for _, want := range []string{"debian/ trixie main", "debian/ trixie-updates main", "security/ trixie-security main"} {
		if got := testMirrors.sources("trixie"); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
}

func TestParseHashes(t *testing.T) {
	got := parseHashes("Package: a\nVersion: 1\nDescription: x\n y: z\nSHA256: 12\n\nPackage: b\nVersion: 2\nSHA256: 34\n")
	if got[[2]string{"a", "1"}] != "12" || got[[2]string{"b", "2"}] != "34" {
		t.Errorf("got %v", got)
	}
}
