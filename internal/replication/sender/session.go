package sender

// Session is how a sender reaches the session's writer. *peer.Session implements it.
type Session interface {
	// Wake makes the writer look for frames.
	Wake()
	// SendSoon sends what the sender has.
	SendSoon()
	// SendLater sends it a moment later, together with what arrives until then.
	SendLater()
}
