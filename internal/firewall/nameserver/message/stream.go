package message

import (
	"encoding/binary"
	"io"
)

// ReadStream reads a message from a TCP connection, where its length precedes it (RFC 1035, section 4.2.2).
func ReadStream(from io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return nil, err
	}
	data := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(from, data)
	return data, err
}

// WriteStream writes a message to a TCP connection, in one piece.
func WriteStream(to io.Writer, data []byte) error {
	_, err := to.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(data))), data...))
	return err
}
