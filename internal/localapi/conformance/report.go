package conformance

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// Result is how a provider behaved in one script.
type Result struct {
	Name    string
	Summary string
	// Err is nil if the provider passed.
	Err error
	// Output is the end of what the provider printed.
	Output string
	Took   time.Duration
}

// Report is the results of all scripts that were played.
type Report struct {
	Class   string
	Results []Result
}

// Failed returns the names of the scripts that the provider did not pass.
func (r Report) Failed() []string {
	var names []string
	for _, result := range r.Results {
		if result.Err != nil {
			names = append(names, result.Name)
		}
	}
	return names
}

// WriteTAP writes the report in the Test Anything Protocol, version 13 (testanything.org).
func (r Report) WriteTAP(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "TAP version 13\n1..%d\n", len(r.Results))
	for i, result := range r.Results {
		if result.Err == nil {
			fmt.Fprintf(&b, "ok %d - %s: %s\n", i+1, result.Name, result.Summary)
			continue
		}
		fmt.Fprintf(&b, "not ok %d - %s: %s\n  ---\n", i+1, result.Name, result.Summary)
		writeBlock(&b, "message", result.Err.Error())
		writeBlock(&b, "output", result.Output)
		b.WriteString("  ...\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeBlock writes a literal block of YAML.
func writeBlock(b *strings.Builder, name, text string) {
	if text == "" {
		return
	}
	fmt.Fprintf(b, "  %s: |\n", name)
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintf(b, "    %s\n", printable(line))
	}
}

// printable replaces what neither YAML nor XML may contain.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0x7f || r == 0xfffd || r == 0xfffe || r == 0xffff {
			return '?'
		}
		return r
	}, text)
}

type suite struct {
	XMLName  xml.Name   `xml:"testsuite"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Seconds  string     `xml:"time,attr"`
	Cases    []testCase `xml:"testcase"`
}

type testCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Seconds string   `xml:"time,attr"`
	Failure *failure `xml:"failure"`
	Output  string   `xml:"system-out,omitempty"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report in the XML format of JUnit, which most CI systems read.
func (r Report) WriteJUnit(w io.Writer) error {
	all := suite{Name: "providertest " + r.Class, Tests: len(r.Results), Failures: len(r.Failed())}
	var took time.Duration
	for _, result := range r.Results {
		c := testCase{
			Class: "providertest." + r.Class, Name: result.Name, Seconds: seconds(result.Took),
			Output: printable(result.Output),
		}
		if result.Err != nil {
			first, _, _ := strings.Cut(result.Err.Error(), "\n")
			c.Failure = &failure{Message: printable(first), Text: printable(result.Err.Error())}
		}
		all.Cases = append(all.Cases, c)
		took += result.Took
	}
	all.Seconds = seconds(took)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("writing JUnit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
