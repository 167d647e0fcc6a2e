package scrape

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// Bounds of a token, in bytes. An empty file must not let everybody in, and a long one is none.
const shortestToken, longestToken = 16, 4096

// readToken reads the token that a scraper has to show.
func readToken(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	token, err := io.ReadAll(io.LimitReader(f, longestToken+1))
	if err != nil {
		return nil, err
	}
	token = bytes.TrimSpace(token)
	if len(token) < shortestToken || len(token) > longestToken {
		return nil, fmt.Errorf("%s has %d bytes, want %d to %d", file, len(token), shortestToken, longestToken)
	}
	return token, nil
}

var errNoToken = errors.New("show the token as Authorization: Bearer")

// shows tells whether a request shows the token (RFC 6750). How long it takes tells nothing of the token.
func shows(request *http.Request, token []byte) error {
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
