package main

import (
	"io"
	"slices"
	"strings"
	"testing"
)

const (
	timedOutOnce = `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p","Test":"TestB/slow"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p"}
{"Action":"pass","Package":"q","Test":"TestC"}
{"Action":"pass","Package":"q"}`
	passedAlone = `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB/slow"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p"}`
	failedAgain = `{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`
	notBuilt    = `{"Action":"fail","Package":"p"}`
	specsFailed = `
{"Action":"output","Package":"p","Test":"TestSuite","Output":"2 Passed | 1 Failed | 0 Pending | 0 Skipped"}
{"Action":"fail","Package":"p","Test":"TestSuite"}
{"Action":"fail","Package":"p"}`
)

func readText(text string) results { return read(strings.NewReader(text), io.Discard) }

func failing(packages ...string) string {
	var text strings.Builder
	for _, pkg := range packages {
		text.WriteString(strings.ReplaceAll(failedAgain, `"p"`, `"`+pkg+`"`) + "\n")
	}
	return text.String()
}

func TestOnlyFailedTestsOfFewPackagesGetASecondAttempt(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		want   []string
	}{
		"one test failed":                    {timedOutOnce, []string{"p"}},
		"tests of two packages failed":       {failing("b", "a"), []string{"a", "b"}},
		"tests of three packages failed":     {failing("a", "b", "c"), nil},
		"nothing failed":                     {passedAlone, nil},
		"a package was not built":            {notBuilt, nil},
		"specs failed, which repeat by name": {specsFailed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := readText(test.output).toRepeat(); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestSecondAttemptReplacesTheFirst(t *testing.T) {
	for name, test := range map[string]struct {
		second string
		want   tally
		flaky  []failure
	}{
		"passed":       {passedAlone, tally{passed: 4, flaky: 1}, []failure{{pkg: "p", test: "TestB"}}},
		"failed again": {failedAgain, tally{passed: 2, failed: 1}, nil},
		"did not run":  {"", tally{passed: 2, failed: 2}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			first := readText(timedOutOnce)
			flaky := first.repeatWith(readText(test.second))
			if got := first.tally(); got != test.want || !slices.Equal(flaky, test.flaky) {
				t.Errorf("got %+v and flaky tests %v, want %+v and %v", got, flaky, test.want, test.flaky)
			}
		})
	}
}
