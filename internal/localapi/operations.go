package localapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Media types of bodies.
const (
	JSON        = "application/json"
	NDJSON      = "application/x-ndjson"
	ProblemJSON = "application/problem+json"
)

// ParameterType is the type of a query parameter.
type ParameterType string

// The types of query parameters.
const (
	// Boolean is true or false.
	Boolean ParameterType = "boolean"
	// Integer is a number without sign.
	Integer ParameterType = "integer"
	// SecondsNumber is a duration in seconds, with up to three decimals.
	SecondsNumber ParameterType = "number"
)

// Parameter is a query parameter.
type Parameter struct {
	Name     string
	Type     ParameterType
	Required bool
	Summary  string
}

// Body is the body of a request or a response.
type Body struct {
	MediaType string
	// Type is a value of the Go type of the body, or of one line in NDJSON; nil if there is no body.
	Type any
	// MaxBytes bounds the body of a request.
	MaxBytes int
}

// Operation is one operation of the API.
type Operation struct {
	ID      string
	Method  string
	Path    string
	Summary string
	Query   []Parameter
	Request Body
	// Status is that of a success, with the body Response.
	Status   int
	Response Body
	Problems []ProblemType
}

// HasClass reports whether the operation is about a class.
func (o Operation) HasClass() bool { return strings.Contains(o.Path, "{class}") }

// IsWrite reports whether the operation changes entries.
func (o Operation) IsWrite() bool {
	return slices.ContainsFunc(o.Query, func(p Parameter) bool { return p.Name == term.Name })
}

// Query parameters of several operations.
var (
	term = Parameter{
		Name: "term", Type: Integer, Required: true,
		Summary: "The term in which the provider decided to write. It must be that of the unit.",
	}
	durable = Parameter{
		Name: "durable", Type: SecondsNumber,
		Summary: "How long to wait until the standby has the write.",
	}
)

// maxValueBody is the largest body with a value: white space does not count towards the size of the value.
const maxValueBody = 32 << 10

// Operations returns the operations of the API, in the order of the documentation.
func Operations() []Operation {
	written := Body{MediaType: JSON, Type: Written{}}
	writeProblems := []ProblemType{NotGranted, UnknownClass, NotActive, StaleTerm, TooLarge, Invalid, Busy, Full}
	return []Operation{
		{
			ID: "getInfo", Method: http.MethodGet, Path: "/v1",
			Summary: "Read the unit, its role and term, and what this socket may do.",
			Status:  http.StatusOK, Response: Body{MediaType: JSON, Type: Info{}},
			Problems: []ProblemType{NotGranted, Invalid, Busy},
		},
		{
			ID: "getEntitlements", Method: http.MethodGet, Path: "/v1/entitlements",
			Summary: "Read what this socket may do with each class, its quota, and what is used of it.",
			Status:  http.StatusOK, Response: Body{MediaType: JSON, Type: Entitlements{}},
			Problems: []ProblemType{NotGranted, Invalid, Busy},
		},
		{
			ID: "listClass", Method: http.MethodGet, Path: "/v1/classes/{class}",
			Summary: "List the entries of a class, and follow their changes.",
			Query: []Parameter{{
				Name: "watch", Type: Boolean,
				Summary: "Continue after the list with every change, until the connection ends.",
			}},
			Status: http.StatusOK, Response: Body{MediaType: NDJSON, Type: Event{}},
			Problems: []ProblemType{NotGranted, UnknownClass, Invalid, Busy},
		},
		{
			ID: "putEntry", Method: http.MethodPut, Path: "/v1/classes/{class}/entries/{key}",
			Summary: "Write an entry. The body is its value.",
			Query: []Parameter{
				term,
				{
					Name: "life", Type: SecondsNumber,
					Summary: "How long the entry remains. Without it, the entry has no end.",
				},
				durable,
			},
			Request: Body{MediaType: JSON, Type: json.RawMessage{}, MaxBytes: maxValueBody},
			Status:  http.StatusOK, Response: written, Problems: writeProblems,
		},
		{
			ID: "deleteEntry", Method: http.MethodDelete, Path: "/v1/classes/{class}/entries/{key}",
			Summary: "Delete an entry. An absent entry is a success.",
			Query:   []Parameter{term, durable},
			Status:  http.StatusOK, Response: written, Problems: writeProblems,
		},
		{
			ID: "writeBatch", Method: http.MethodPost, Path: "/v1/classes/{class}",
			Summary: "Write several entries: all lines of the body, or none. A line is a Put or a Delete.",
			Query: []Parameter{
				term,
				{
					Name: "replace", Type: Boolean,
					Summary: "Delete every entry of the class that the body does not put.",
				},
				durable,
			},
			Request: Body{MediaType: NDJSON, Type: Event{}, MaxBytes: Bounds().BatchBytes},
			Status:  http.StatusOK, Response: written, Problems: writeProblems,
		},
		{
			ID: "putHeld", Method: http.MethodPut, Path: "/v1/classes/{class}/held",
			Summary: "Report that the provider has everything up to a revision of the class.",
			Query:   []Parameter{{Name: "revision", Type: Integer, Required: true, Summary: "The revision."}},
			Status:  http.StatusNoContent, Problems: []ProblemType{NotGranted, UnknownClass, Invalid, Busy},
		},
		{
			ID: "followEvents", Method: http.MethodGet, Path: "/v1/events",
			Summary: "Follow the role of the unit, until the connection ends.",
			Status:  http.StatusOK, Response: Body{MediaType: NDJSON, Type: Event{}},
			Problems: []ProblemType{NotGranted, Invalid, Busy},
		},
	}
}
