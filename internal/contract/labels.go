package contract

// Labels of connections (CTA_LABELS). Each is the number of a bit. The firewall sets them, and the sidecar reads them:
// an entry does not tell which helper announced it. They are replicated with the connection.
const (
	LabelFTP       = 120
	LabelVoIP      = 121
	LabelRTSP      = 122
	LabelRealAudio = 123
	LabelTNS       = 124
	LabelIPHelper  = 125
)
