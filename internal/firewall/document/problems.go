package document

import (
	"fmt"
	"strings"
)

// maxProblems bounds the report about one document. A reader with more problems fixes these first.
const maxProblems = 20

// Problem is an error in a document: where it is, what is wrong, and how to correct it.
type Problem struct {
	// Path is the field, as in spec.policies[2].source[0]; empty for the document as a whole.
	Path    string
	Message string
}

// Error returns the path and the message.
func (p Problem) Error() string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}

// Problems are the errors in a document, in the order of its fields.
type Problems struct {
	// Listed are the first problems.
	Listed []Problem
	// Omitted counts the rest.
	Omitted int
}

// Error returns one line a problem.
func (p *Problems) Error() string {
	lines := make([]string, 0, len(p.Listed)+1)
	for _, problem := range p.Listed {
		lines = append(lines, problem.Error())
	}
	if p.Omitted > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", p.Omitted))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns each problem, for errors.As.
func (p *Problems) Unwrap() []error {
	errs := make([]error, 0, len(p.Listed))
	for _, problem := range p.Listed {
		errs = append(errs, problem)
	}
	return errs
}

func (p *Problems) add(path path, format string, args ...any) {
	if len(p.Listed) == maxProblems {
		p.Omitted++
		return
	}
	p.Listed = append(p.Listed, Problem{Path: string(path), Message: fmt.Sprintf(format, args...)})
}

func (p *Problems) count() int { return len(p.Listed) + p.Omitted }

// err returns the problems as an error, or nil without problems.
func (p *Problems) err() error {
	if len(p.Listed) == 0 {
		return nil
	}
	return p
}

// path is the place of a field in a document.
type path string

func (p path) field(name string) path {
	if p == "" {
		return path(name)
	}
	return p + "." + path(name)
}

func (p path) index(i int) path { return path(fmt.Sprintf("%s[%d]", p, i)) }

// list returns names for a message, no more of them than a person reads.
func list(names []string) string {
	const most = 24
	if len(names) == 0 {
		return "none"
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
