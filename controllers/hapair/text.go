package hapair

import "strings"

// maxQuoted bounds text that is quoted from other components, in bytes.
const maxQuoted = 512

// quoteAfterColon returns ": " and the bounded text, or nothing for an empty text.
func quoteAfterColon(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	return ": " + shorten(text, maxQuoted)
}

// shorten truncates a text to a number of bytes without splitting a character.
func shorten(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	cut := 0
	for i := range text {
		if i > bytes-len("…") {
			break
		}
		cut = i
	}
	return text[:cut] + "…"
}

// lowerFirst makes a sentence usable as part of another.
func lowerFirst(sentence string) string {
	if sentence == "" {
		return ""
	}
	return strings.ToLower(sentence[:1]) + sentence[1:]
}

// upperFirst makes a part of a sentence a sentence.
func upperFirst(part string) string {
	if part == "" {
		return ""
	}
	return strings.ToUpper(part[:1]) + part[1:]
}
