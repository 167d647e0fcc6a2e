package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestReadCountsTestsAndSpecs(t *testing.T) {
	const stream = `
make: building things
{"Action":"output","Package":"p","Test":"TestA","Output":"fine\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"it broke here\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p"}
{"Action":"output","Package":"q","Test":"TestSuite","Output":"\u001b[32m12 Passed\u001b[0m | 0 Failed | 1 Pending | 2 Skipped"}
{"Action":"pass","Package":"q","Test":"TestSuite"}
{"Action":"pass","Package":"q"}
{"Action":"output","Package":"r","Test":"TestSuite","Output":"[FLAKEY TEST]\n"}
{"Action":"output","Package":"r","Test":"TestSuite","Output":"5 Passed | 0 Failed | 2 Flaked | 0 Pending | 1 Skipped"}
{"Action":"pass","Package":"r","Test":"TestSuite"}
{"Action":"pass","Package":"r"}
`
	var shown strings.Builder
	got := read(strings.NewReader(strings.TrimPrefix(stream, "\n")), &shown).tally()
	if want := (tally{passed: 18, failed: 1, skipped: 5, flaky: 2}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	for _, want := range []string{"make: building things", "it broke here", "FAIL  p", "ok    q", "FLAKEY"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("%q is missing from the output:\n%s", want, &shown)
		}
	}
	if strings.Contains(shown.String(), "fine") {
		t.Errorf("the output of a test that passed is shown:\n%s", &shown)
	}
}

func TestReadPrintsAPanic(t *testing.T) {
	const stream = `{"Action":"output","Package":"p","Test":"TestA","Output":"panic: nil map\n"}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"fail","Package":"p"}
`
	var shown strings.Builder
	got := read(strings.NewReader(stream), &shown)
	if want := (tally{failed: 1}); got.tally() != want || !strings.Contains(shown.String(), "panic: nil map") {
		t.Errorf("counted %+v, want %+v, and printed:\n%s", got.tally(), want, &shown)
	}
	if again := got.toRepeat(); len(again) != 1 {
		t.Errorf("repeats %v", again)
	}
}

func TestReportCountsAFailedStep(t *testing.T) {
	outcomes := make([]outcome, len(steps))
	for i, s := range steps {
		outcomes[i] = outcome{step: s, tally: tally{passed: 2}}
	}
	var shown strings.Builder
	total := fmt.Sprintf("\n%d passed, 0 failed, 0 skipped\n", 2*len(steps))
	if !report(&shown, outcomes, time.Minute) || !strings.Contains(shown.String(), total) {
		t.Errorf("a successful run printed:\n%s", &shown)
	}
	outcomes[1].err = errOfTest
	shown.Reset()
	if report(&shown, outcomes, time.Minute) || !strings.Contains(shown.String(), "1 failed") {
		t.Errorf("a failed run printed:\n%s", &shown)
	}
	if report(&shown, outcomes[:3], time.Minute) {
		t.Error("an interrupted run passed")
	}
}

var errOfTest = errTest{}

type errTest struct{}

func (errTest) Error() string { return "exit status 2" }
