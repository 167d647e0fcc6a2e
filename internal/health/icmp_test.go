package health

import (
	"slices"
	"testing"
)

func TestIsAnswer(t *testing.T) {
	token := []byte("0123456789abcdef")
	good := slices.Concat([]byte{echoReply, 0, 0x12, 0x34}, token)
	if !isAnswer(good, echoReply, token) {
		t.Error("the answer is not taken for it")
	}
	request, code, other := slices.Clone(good), slices.Clone(good), slices.Clone(good)
	request[0], code[1], other[19] = echoRequest, 1, 'g'
	for name, message := range map[string][]byte{
		"a request": request, "another code": code, "another token": other, "cut": good[:19], "longer": append(good, 0),
		"nothing": nil,
	} {
		if isAnswer(message, echoReply, token) {
			t.Errorf("%s is taken for the answer", name)
		}
	}
}

// The checksum of a message with its checksum in it is zero (RFC 1071), and of this one it is known.
func TestChecksum(t *testing.T) {
	message := []byte{echoRequest, 0, 0, 0, 0x12, 0x34, 0x00, 0x01}
	if sum := checksum(message); sum != 0xe5ca {
		t.Errorf("%#x", sum)
	}
	message[2], message[3] = 0xe5, 0xca
	if sum := checksum(message); sum != 0 {
		t.Errorf("%#x with the checksum", sum)
	}
}
