package document

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// JSON returns the canonical form of the document: the whole object in JSON, on one line, without metadata and status.
// Texts that mean the same have the same canonical form, and Parse of it returns the document again.
func (d Document) JSON() []byte {
	data, err := json.Marshal(object{APIVersion: APIVersion, Kind: Kind, Spec: d})
	if err != nil {
		panic(fmt.Sprintf("encoding the firewall document: %v", err)) // No field has an encoding that can fail.
	}
	return append(data, '\n')
}

// Hash returns the SHA-256 of a document's bytes in hexadecimal. Operator and units identify documents by it.
func Hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
