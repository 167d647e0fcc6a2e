package hapair

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/hapair-io/hapair/controllers/owned"
)

// refusal returns the message of an error that a retry does not remove, and nothing for other errors. Such an error
// comes from the API server, a quota or an admission policy that refuses what the spec amounts to, or from an object of
// someone else that has a name which the pair needs.
func refusal(err error) string {
	foreign := &owned.ForeignObjectError{}
	spec := &specError{}
	var status apierrors.APIStatus
	switch {
	case err == nil:
		return ""
	case errors.As(err, &foreign), errors.As(err, &spec), errors.As(err, &status) && refuses(status):
		return err.Error()
	default:
		return ""
	}
}

// passing are the codes of errors that pass by themselves: the object is gone or changed, or the API server is busy.
var passing = []int32{
	http.StatusNotFound, http.StatusConflict, http.StatusRequestTimeout, http.StatusTooManyRequests,
}

// unavailing are parts of the messages of internal errors that do not pass by themselves: a webhook that does not
// answer, and an object that etcd does not store.
var unavailing = []string{"failed calling webhook", "request is too large"}

// refuses reports whether the API server refused the request itself. An admission policy may choose its code.
func refuses(err apierrors.APIStatus) bool {
	status := err.Status()
	if status.Code >= http.StatusInternalServerError {
		return slices.ContainsFunc(unavailing, func(part string) bool { return strings.Contains(status.Message, part) })
	}
	return status.Code >= http.StatusBadRequest && !slices.Contains(passing, status.Code)
}

// split returns the errors that errors.Join joined, and a single error as it is.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, part := range joined.Unwrap() {
			all = append(all, split(part)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
