package scrape

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hapair-io/hapair/internal/bounded"
)

// Bounds of a token, in bytes. An empty file must not admit everyone, and a long file does not hold a token.
const minToken, maxToken = 16, 4096

// readToken reads the token that scrapers must present.
func readToken(file string) ([]byte, error) {
	token, err := bounded.ReadFile(file, maxToken)
	if err != nil {
		return nil, err
	}
	token = bytes.TrimSpace(token)
	if len(token) < minToken {
		return nil, fmt.Errorf("%s has %d bytes, want %d to %d", file, len(token), minToken, maxToken)
	}
	return token, nil
}

var errNoToken = errors.New("present the token as Authorization: Bearer")

// checkToken returns an error unless the request presents the token (RFC 6750). Its duration reveals nothing about the
// token.
func checkToken(request *http.Request, token []byte) error {
	scheme, shown, ok := strings.Cut(request.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return errNoToken
	}
	got, want := sha256.Sum256([]byte(shown)), sha256.Sum256(token)
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return errNoToken
	}
	return nil
}
