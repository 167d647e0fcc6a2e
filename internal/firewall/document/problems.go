package document

import (
	"fmt"
	"strings"
)

// maxProblems bounds what is told of one document; who has more mends these first.
const maxProblems = 20

// Problem is one thing wrong with a document: where, what, and what to do about it.
type Problem struct {
	// Path is the field, as in policies[2].source[0]; empty when it is the document as a whole.
	Path    string
	Message string
}

// Error is the path and the message.
func (p Problem) Error() string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}

// Problems is all that is wrong with a document, in the order of its fields.
type Problems struct {
	// Told are the first of them.
	Told []Problem
	// Untold is how many more there are.
	Untold int
}

// Error is one line a problem.
func (p *Problems) Error() string {
	lines := make([]string, 0, len(p.Told)+1)
	for _, problem := range p.Told {
		lines = append(lines, problem.Error())
	}
	if p.Untold > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", p.Untold))
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As each problem.
func (p *Problems) Unwrap() []error {
	errs := make([]error, 0, len(p.Told))
	for _, problem := range p.Told {
		errs = append(errs, problem)
	}
	return errs
}

func (p *Problems) add(path path, format string, args ...any) {
	if len(p.Told) == maxProblems {
		p.Untold++
		return
	}
	p.Told = append(p.Told, Problem{Path: string(path), Message: fmt.Sprintf(format, args...)})
}

func (p *Problems) count() int { return len(p.Told) + p.Untold }

// err is nil when there are none.
func (p *Problems) err() error {
	if len(p.Told) == 0 {
		return nil
	}
	return p
}

// path is where in a document something is.
type path string

func (p path) field(name string) path {
	if p == "" {
		return path(name)
	}
	return p + "." + path(name)
}

func (p path) index(i int) path { return path(fmt.Sprintf("%s[%d]", p, i)) }

// list writes names for a message, and no more of them than a person reads.
func list(names []string) string {
	const most = 12
	if len(names) == 0 {
		return "none"
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
