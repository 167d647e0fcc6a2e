package language

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

var (
	inlineCode = regexp.MustCompile("`[^`]*`")
	link       = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	listItem   = regexp.MustCompile(`^\s*([-*+]|\d+\.)\s+`)
	divider    = regexp.MustCompile(`^\|?[\s:|-]+\|?$`)
	sentence   = regexp.MustCompile(`[.!?]["')\]*]*\s+`)
)

// checkMarkdown checks the words of a document and the length of its sentences. Code is left out.
func checkMarkdown(name string, text []byte) (Report, error) {
	var report Report
	block, start := []string(nil), 0
	flush := func() {
		prose := strings.Join(block, " ")
		block = nil
		for _, each := range sentences(prose) {
			n := wordCount(each)
			report.Sentences, report.Words = report.Sentences+1, report.Words+n
			if n > MaxSentence {
				report.Findings = append(report.Findings, tooLong(name, start, each, n))
			}
		}
	}
	fenced, comment := false, false
	for i, line := range strings.Split(string(text), "\n") {
		trimmed := strings.TrimSpace(line)
		comment = comment || strings.HasPrefix(trimmed, "<!--")
		switch {
		case strings.HasPrefix(trimmed, "```"):
			fenced = !fenced
			flush()
		case fenced, comment, strings.HasPrefix(line, "    ") && len(block) == 0:
		case trimmed == "":
			flush()
		case strings.HasPrefix(trimmed, "|"):
			flush()
			report.Findings = append(report.Findings, cellFindings(name, i+1, trimmed)...)
		case strings.HasPrefix(trimmed, "#"):
			flush()
			report.Findings = append(report.Findings, bannedIn(name, i+1, trimmed)...)
		default:
			if listItem.MatchString(line) {
				flush()
				line = listItem.ReplaceAllString(line, "")
			}
			if len(block) == 0 {
				start = i + 1
			}
			report.Findings = append(report.Findings, bannedIn(name, i+1, inlineCode.ReplaceAllString(line, "code"))...)
			block = append(block, strings.TrimSpace(line))
		}
		comment = comment && !strings.Contains(line, "-->")
	}
	flush()
	return report, nil
}

// cellFindings checks a row of a table. Cells are no prose, so they have no part in the average.
func cellFindings(name string, line int, row string) []Finding {
	if divider.MatchString(row) {
		return nil
	}
	found := bannedIn(name, line, inlineCode.ReplaceAllString(row, "code"))
	for cell := range strings.SplitSeq(row, "|") {
		for _, each := range sentences(cell) {
			if n := wordCount(each); n > MaxSentence {
				found = append(found, tooLong(name, line, each, n))
			}
		}
	}
	return found
}

// checkLines checks the words of a file whose grammar is not known.
func checkLines(name string, text []byte) (Report, error) {
	return Report{Findings: bannedIn(name, 1, string(text))}, nil
}

// sentences splits prose. A colon ends a sentence where a list follows, which the caller has split off already.
func sentences(prose string) []string {
	prose = link.ReplaceAllString(inlineCode.ReplaceAllString(prose, "code"), "$1")
	prose = strings.NewReplacer("e.g. ", "eg ", "i.e. ", "ie ", "vs. ", "vs ").Replace(prose)
	var all []string
	for {
		at := sentence.FindStringIndex(prose)
		if at == nil {
			break
		}
		all = appendSentence(all, prose[:at[1]])
		prose = prose[at[1]:]
	}
	return appendSentence(all, prose)
}

func appendSentence(all []string, text string) []string {
	if wordCount(text) == 0 {
		return all
	}
	return append(all, strings.TrimSpace(text))
}

// wordCount counts the words of a text. What has no letter or digit, such as a dash, is not a word.
func wordCount(text string) int {
	n := 0
	for _, field := range strings.Fields(text) {
		if strings.ContainsFunc(field, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			n++
		}
	}
	return n
}

func tooLong(name string, line int, text string, n int) Finding {
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return Finding{
		File: name, Line: line, Rule: fmt.Sprintf("split the sentence of %d words, %d are the limit", n, MaxSentence),
		Text: text,
	}
}
