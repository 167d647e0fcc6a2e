package contract

import "encoding/binary"

// Label is the number of a bit in the labels of a connection (CTA_LABELS). The firewall sets labels, and the sidecar
// reads them: the kernel's entry does not tell which helper announced a connection. They are replicated with it.
type Label uint8

// The labels.
const (
	LabelFTP       Label = 120
	LabelVoIP      Label = 121
	LabelRTSP      Label = 122
	LabelRealAudio Label = 123
	LabelTNS       Label = 124
	LabelIPHelper  Label = 125
	// LabelInspected is set for control connections that a gateway of the firewall no longer reads.
	LabelInspected Label = 126
	// LabelAnnounced is set for connections that passed because a gateway of the firewall announced them.
	LabelAnnounced Label = 127
)

// Bits returns labels that have this one alone. The kernel keeps labels as words in the byte order of the machine.
func (l Label) Bits() (bits [16]byte) {
	var words [2]uint64
	words[l/64] = 1 << (l % 64)
	binary.NativeEndian.PutUint64(bits[:8], words[0])
	binary.NativeEndian.PutUint64(bits[8:], words[1])
	return bits
}

// HelperLabel is a helper of the kernel's connection tracking, with the label of its connections and of those that it
// announces.
type HelperLabel struct {
	// Helper is the name of the helper in the kernel.
	Helper string
	Label  Label
}

// HelperLabels returns the helpers that announce connections. Q.931 attaches H.245 to connections that it announces.
func HelperLabels() []HelperLabel {
	return []HelperLabel{
		{"ftp", LabelFTP},
		{"sip", LabelVoIP},
		{"Q.931", LabelVoIP},
		{"H.245", LabelVoIP},
		{"RAS", LabelVoIP},
		{"netbios-ns", LabelIPHelper},
	}
}

// HelpersOf returns the names of the helpers whose connections have a label.
func HelpersOf(label Label) []string {
	var names []string
	for _, h := range HelperLabels() {
		if h.Label == label {
			names = append(names, h.Helper)
		}
	}
	return names
}
