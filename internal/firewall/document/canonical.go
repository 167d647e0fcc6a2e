package document

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// JSON is the document in its one canonical form: the same for every text that means the same. Parse of it is equal to
// the document.
func (d Document) JSON() []byte {
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		// No field's encoding can fail; a type for which it can must not be added without this being thought of.
		panic(fmt.Sprintf("encoding the firewall document: %v", err))
	}
	return append(data, '\n')
}

// Hash is the SHA-256 of a document's bytes in hexadecimal, by which operator and units tell documents apart.
func Hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
