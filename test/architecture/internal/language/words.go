package language

import (
	"regexp"
	"strings"
)

// words maps each banned expression to what to write instead.
var words = []struct {
	banned  *regexp.Regexp
	instead string
}{
	{expression(`anew`), "again"},
	{expression(`mend(s|ed|ing)?`), "fix, repair or correct"},
	{expression(`whoever|whomever|whosoever`), "anyone who, or the name of the party"},
	{expression(`beside`), "besides, next to, or with"},
	{expression(`for want of`), "without"},
	{expression(`(is|are|was|were) none`), "there is no …"},
	{expression(`none of a`), "not a"},
	{expression(`(tell|tells|told|say|says|said) (whether|if)`), "reports whether"},
	{expression(`(tell|tells|told) of`), "report, or mention"},
	{expression(`heirs?`), "successor"},
	{expression(`nursery`), "age filter"},
	{expression(`lest`), "so that … not"},
	{expression(`whence|thence|thereby|therein|thereof|wherein|whereby|herein`), "a short sentence of its own"},
	{expression(`(goes|go|went|gone|going) on (with|by|until|without|as|to)`), "continue"},
	{expression(`for ever`), "forever"},
	{expression(`to and fro`), "back and forth"},
	{expression(`knows? nobody`), "depends on nothing"},
	{expression(`look(s|ed)? at (it )?anew`), "check again"},
	{expression(`as good as (none|nothing)`), "equivalent to none"},
	{expression(`is no (IP|MAC|unicast|number|name|report|change|pair)\b`), "is not a …"},
	{expression(`bears?|borne`), "support, or tolerate"},
	{expression(`ere|oft|albeit|nigh|amid|amidst|upon|unto|whilst|betwixt`), "the plain word"},
}

func expression(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(` + pattern + `)\b`)
}

// bannedIn returns a finding for each banned expression in a text that begins at a line of a file.
func bannedIn(file string, line int, text string) []Finding {
	var found []Finding
	for i, each := range strings.Split(text, "\n") {
		for _, word := range words {
			if at := word.banned.FindStringIndex(each); at != nil {
				found = append(found, Finding{
					File: file, Line: line + i, Rule: "write " + word.instead, Text: excerpt(each, at[0], at[1]),
				})
			}
		}
	}
	return found
}

// excerpt returns the surroundings of a part of a line.
func excerpt(line string, from, to int) string {
	const around = 30
	return strings.TrimSpace(line[max(0, from-around):min(len(line), to+around)])
}
