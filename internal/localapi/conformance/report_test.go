package conformance

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	report := Report{Class: "tickets", Results: []Result{
		{Name: "promise", Summary: "promises nothing", Took: 1500 * time.Millisecond},
		{
			Name: "flood", Summary: "copes", Took: time.Second,
			Err:    errors.New("the provider ended by itself\nexit status 2"),
			Output: "panic: <full> & \x1b[31mred\xff\n",
		},
	}}
	var tap, junit strings.Builder
	if err := errors.Join(report.WriteTAP(&tap), report.WriteJUnit(&junit)); err != nil {
		t.Fatal(err)
	}
	const want = `TAP version 13
1..2
ok 1 - promise: promises nothing
not ok 2 - flood: copes
  ---
  message: |
    the provider ended by itself
    exit status 2
  output: |
    panic: <full> & ?[31mred?
  ...
`
	if tap.String() != want {
		t.Errorf("got %s\nwant %s", tap.String(), want)
	}
	var parsed suite
	if err := xml.Unmarshal([]byte(junit.String()), &parsed); err != nil {
		t.Fatalf("%v in %s", err, junit.String())
	}
	if parsed.Tests != 2 || parsed.Failures != 1 || parsed.Seconds != "2.500" || len(parsed.Cases) != 2 ||
		parsed.Cases[0].Failure != nil || parsed.Cases[1].Failure == nil ||
		parsed.Cases[1].Failure.Message != "the provider ended by itself" ||
		parsed.Cases[1].Output != "panic: <full> & ?[31mred?\n" {
		t.Errorf("got %s", junit.String())
	}
}
