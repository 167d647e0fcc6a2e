package localapi

import (
	"fmt"
	"net/http"
	"strings"
)

// ProblemType is the type of a problem: a URI that never changes its meaning.
type ProblemType string

// The types of problems.
const (
	// NotActive: the unit is not active, and only an active may write.
	NotActive ProblemType = "urn:hapair:problem:not-active"
	// StaleTerm: the term of the write is not that of the unit. The provider reads the term again.
	StaleTerm ProblemType = "urn:hapair:problem:stale-term"
	// NotGranted: the socket or its user may not do that.
	NotGranted ProblemType = "urn:hapair:problem:not-granted"
	// TooLarge: a key, a value or a body has too many bytes.
	TooLarge ProblemType = "urn:hapair:problem:too-large"
	// Full: the class would have too many entries or bytes.
	Full ProblemType = "urn:hapair:problem:full"
	// Invalid: a parameter or an entry breaks a rule. Field names it.
	Invalid ProblemType = "urn:hapair:problem:invalid"
	// UnknownClass: the unit has no such class.
	UnknownClass ProblemType = "urn:hapair:problem:unknown-class"
	// NotFound: there is no such path or method.
	NotFound ProblemType = "urn:hapair:problem:not-found"
	// Busy: the socket serves as many requests or watches as it may. The provider tries again later.
	Busy ProblemType = "urn:hapair:problem:busy"
)

// ProblemTypes returns all types, sorted by their status.
func ProblemTypes() []ProblemType {
	return []ProblemType{
		NotGranted, NotFound, UnknownClass, NotActive, StaleTerm, TooLarge, Invalid, Busy, Full,
	}
}

// Status returns the HTTP status of responses with a problem of this type.
func (t ProblemType) Status() int {
	switch t {
	case NotGranted:
		return http.StatusForbidden
	case NotFound, UnknownClass:
		return http.StatusNotFound
	case NotActive:
		return http.StatusConflict
	case StaleTerm:
		return http.StatusPreconditionFailed
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case Invalid:
		return http.StatusUnprocessableEntity
	case Busy:
		return http.StatusTooManyRequests
	case Full:
		return http.StatusInsufficientStorage
	default:
		return http.StatusInternalServerError
	}
}

// Title returns the type in words.
func (t ProblemType) Title() string {
	return strings.ReplaceAll(strings.TrimPrefix(string(t), "urn:hapair:problem:"), "-", " ")
}

// Problem is an error as a response, in application/problem+json (RFC 9457).
type Problem struct {
	Type   ProblemType `json:"type"`
	Title  string      `json:"title"`
	Status int         `json:"status"`
	// Detail says what is wrong, and what to do.
	Detail string `json:"detail,omitempty"`
	// Field is the parameter or the field that is invalid, as in "life" or "[3].key" for a line of a batch.
	Field string `json:"field,omitempty"`
}

// NewProblem returns a problem of a type.
func NewProblem(t ProblemType, format string, arguments ...any) *Problem {
	return &Problem{Type: t, Title: t.Title(), Status: t.Status(), Detail: fmt.Sprintf(format, arguments...)}
}

// In returns the problem with its field.
func (p *Problem) In(field string) *Problem {
	with := *p
	with.Field = field + p.Field
	return &with
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Field != "" {
		return fmt.Sprintf("%s: %s: %s", p.Title, p.Field, p.Detail)
	}
	return fmt.Sprintf("%s: %s", p.Title, p.Detail)
}
