package conntrack

import (
	"bytes"
	"fmt"
	"net/netip"
)

// maxFunctionName bounds the name of an expectation's function. The longest of the kernel's is "nat-follow-master".
const maxFunctionName = 32

// DecodeExpectation decodes the attributes of one expectation: the body of a message after its headers. It skips
// unknown attributes, because each kernel release may add some.
func DecodeExpectation(body []byte) (e Expectation, err error) {
	if err := e.decode(body); err != nil {
		return Expectation{}, err
	}
	return e, nil
}

// decode overwrites the expectation with the one that the attributes describe.
func (e *Expectation) decode(body []byte) error {
	*e = Expectation{}
	a := attributes{rest: body}
	for a.next() {
		switch a.kind {
		case ctaExpectMaster:
			a.check(e.Master.decode(a.value))
		case ctaExpectTuple:
			a.check(e.Tuple.decode(a.value))
		case ctaExpectMask:
			var mask Tuple
			a.check(mask.decode(a.value))
			e.Mask = ExpectationMask{mask.Src, mask.SrcPort}
		case ctaExpectTimeout:
			a.uint32(&e.TimeoutSeconds)
		case ctaExpectID:
			a.uint32(&e.ID)
		case ctaExpectHelpName:
			a.text(&e.Helper, maxHelperName)
		case ctaExpectFlags:
			a.uint32((*uint32)(&e.Flags))
		case ctaExpectClass:
			a.uint32(&e.Class)
		case ctaExpectNAT:
			a.check(e.NAT.decode(a.value))
		case ctaExpectFn:
			a.text(&e.Function, maxFunctionName)
		}
	}
	if a.err != nil {
		return a.err
	}
	if !e.valid() {
		return fmt.Errorf("%w: an expectation without its master, tuple or mask", ErrMalformed)
	}
	return nil
}

func (n *ExpectationNAT) decode(b []byte) error {
	a := attributes{rest: b}
	for a.next() {
		switch a.kind {
		case ctaExpectNATDir:
			a.uint32(&n.Direction)
		case ctaExpectNATTuple:
			var saved Tuple
			a.check(saved.decode(a.value))
			n.Address, n.Port = saved.Src, saved.SrcPort
		}
	}
	return a.err
}

// text reads a text with a terminating zero, of up to size bytes in all.
func (a *attributes) text(into *string, size int) {
	text := bytes.TrimRight(a.value, "\x00")
	if len(text) >= size || bytes.IndexByte(text, 0) >= 0 {
		a.check(fmt.Errorf("%w: attribute %d is a text of %d bytes", ErrMalformed, a.kind, len(a.value)))
		return
	}
	*into = string(text)
}

// decode overwrites the event with that of a message. It returns false for a message that is no event.
func (e *ExpectationEvent) decode(m message) (bool, error) {
	kind, ok := m.event(messageNewExpectation, messageDeleteExpectation)
	if !ok {
		return false, nil
	}
	e.Kind = kind
	return true, m.decodeExpectation(&e.Expectation)
}

// decodeExpectation overwrites the expectation with the one in the message.
func (m message) decodeExpectation(e *Expectation) error {
	attributes, err := m.attributes()
	if err != nil {
		return err
	}
	return e.decode(attributes)
}

// unspecified returns the address 0 of the family of another address.
func unspecified(like netip.Addr) netip.Addr {
	if like.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
