package contract_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
)

func report() contract.FailoverReport {
	return contract.FailoverReport{
		Term: 7, Unit: "secondary", Cause: "Silence", At: "2031-05-04T03:02:01.123456789Z",
		DetectedMicroseconds: 351_000, ClaimedMicroseconds: 9_000, FencedMicroseconds: 80_000, CommittedMicroseconds: 1,
		OpenedMicroseconds: 2, AttachedMicroseconds: 3, AnnouncedMicroseconds: 4, VerifiedMicroseconds: 5,
		TotalMicroseconds: 440_015, SessionsHeld: 500_000,
	}
}

func TestFailoverReport(t *testing.T) {
	for name, change := range map[string]func(*contract.FailoverReport){
		"as it is":                   func(*contract.FailoverReport) {},
		"of a cause nobody knows":    func(r *contract.FailoverReport) { r.Cause = "" },
		"of sessions nobody counted": func(r *contract.FailoverReport) { r.SessionsHeld = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			want := report()
			change(&want)
			encoded, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := contract.ParseFailoverReport(string(encoded))
			if err != nil || got != want {
				t.Errorf("got %+v (%v), want %+v", got, err, want)
			}
		})
	}
}

func TestFailoverReportRefused(t *testing.T) {
	whole, err := json.Marshal(report())
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(part, by string) string {
		if !strings.Contains(string(whole), part) {
			t.Fatalf("%s is not in %s", part, whole)
		}
		return strings.Replace(string(whole), part, by, 1)
	}
	for text, want := range map[string]string{
		"":                                 "EOF",
		"garbage":                          "invalid character",
		"null":                             `unit: "" is none of a pair`,
		string(whole) + "{}":               "something follows the document",
		string(whole[:100]):                "unexpected EOF",
		strings.Repeat(" ", 4097):          "it has 4097 bytes, at most 4096 are read",
		replaced(`"term":7`, `"terms":7`):  `unknown field "terms"`,
		replaced(`"term":7`, `"term":0`):   "term: 0 is not within 1 and",
		replaced(`"term":7`, `"term":3e9`): "cannot unmarshal number 3e9",
		replaced(`"term":7`, `"term":2147483648`): "term: 2147483648 is not within",
		replaced("secondary", "tertiary"):         `unit: "tertiary" is none of a pair`,
		replaced("Silence", "Boredom"):            `cause: "Boredom" is unknown`,
		replaced("2031-05-04T", "yesterday "):     "at: parsing time",
		replaced(":9000", ":-1"):                  "a step took -1 µs",
		replaced(":500000", ":-2"):                "sessionsHeld: -2 is no number of connections",
	} {
		if _, err := contract.ParseFailoverReport(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200s: got %v, want %s", text, err, want)
		}
	}
}

// Whoever can write the Lease can write anything into it, and none of it may stop the operator.
func FuzzFailoverReport(f *testing.F) {
	whole, err := json.Marshal(report())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(whole))
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := contract.ParseFailoverReport(text)
		if err != nil {
			return
		}
		if _, err := parsed.Time(); err != nil || parsed.Term == 0 || parsed.TotalMicroseconds < 0 {
			t.Errorf("%q is taken for %+v", text, parsed)
		}
	})
}
