package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

const aLine = "amd64 libc6 2.41-12 debian pool/main/g/glibc/libc6_2.41-12_amd64.deb 100 " + sum + "\n"

func TestLockIsSortedAndParsesAgain(t *testing.T) {
	packages := must(parseLock([]byte(strings.ReplaceAll(aLine, "amd64", "arm64") +
		strings.Replace(aLine, "libc6", "zlib1g", 1) + aLine)))
	text := formatLock(packages)
	if again := formatLock(must(parseLock(text))); !bytes.Equal(text, again) {
		t.Errorf("got %s, want %s", again, text)
	}
	if lines := strings.Split(string(text), "\n")[2:5]; !slices.IsSorted(lines) {
		t.Errorf("got %q, want sorted lines", lines)
	}
	if got := forArchitecture(packages, "arm64"); len(got) != 1 || got[0].Name != "libc6" {
		t.Errorf("got %v, want libc6 for arm64", got)
	}
}

func TestParseLockRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a missing field":      strings.Replace(aLine, " debian", "", 1),
		"a size in words":      strings.Replace(aLine, " 100 ", " x ", 1),
		"an empty file":        strings.Replace(aLine, " 100 ", " 0 ", 1),
		"half a hash":          strings.Replace(aLine, sum, sum[:32], 1),
		"a hash in upper case": strings.Replace(aLine, sum, strings.ToUpper(sum), 1),
		"a package twice":      aLine + aLine,
		"a path outside":       strings.Replace(aLine, "pool/main/g", "pool/main/../..", 1),
		"an absolute path":     strings.Replace(aLine, "pool/", "/pool/", 1),
	} {
		if got, err := parseLock([]byte(text)); err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
		}
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add([]byte(lockHeader + aLine))
	f.Add([]byte("amd64"))
	f.Fuzz(func(t *testing.T, text []byte) {
		packages, err := parseLock(text)
		if err != nil {
			return
		}
		formatted := formatLock(packages)
		if again := formatLock(must(parseLock(formatted))); !bytes.Equal(formatted, again) {
			t.Errorf("got %s, want %s", again, formatted)
		}
	})
}

func TestChanges(t *testing.T) {
	old := []locked{{Architecture: "amd64", Name: "a", Version: "1"}, {Architecture: "amd64", Name: "b", Version: "1"}}
	latest := []locked{{Architecture: "amd64", Name: "a", Version: "2"}, {Architecture: "amd64", Name: "c", Version: "1"}}
	want := []string{"a:amd64 1 -> 2", "b:amd64 1 removed", "c:amd64 1 added"}
	if got := changes(old, latest); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
