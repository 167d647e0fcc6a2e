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
