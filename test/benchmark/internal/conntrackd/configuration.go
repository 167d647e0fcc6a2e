// Package conntrackd sets up the program that benchmarks compare replication with, and asks it what it holds.
package conntrackd

import (
	"strings"
	"text/template"
)

// Program is where Debian puts it.
const Program = "/usr/sbin/conntrackd"

// Configuration is how one of two routers runs it.
type Configuration struct {
	// Tuned gives it buffers and tables for a million connections; else they are the packaged example's.
	Tuned bool
	// Direct writes what the peer told into the kernel at once, instead of into a cache that is committed at a failover.
	Direct bool
	// Ordinary leaves it at the scheduler that other programs have, instead of at the top of the real-time one, which is
	// its default. A priority of 0 is how it is told: the kernel refuses that, and conntrackd goes on without.
	Ordinary bool
	// Own and Peer are the addresses on the link between the routers.
	Own, Peer string
	// Log, Lock and Socket are files.
	Log, Lock, Socket string
	// Ignored are addresses whose connections are not replicated.
	Ignored []string
}

// text is FT-FW over UDP on the link between the routers. Unlike the shipped example it has no
// filter of protocols, which would leave UDP out, and unicast instead of multicast, since there is one peer.
var text = template.Must(template.New("conntrackd").Parse(`Sync {
    Mode FTFW {
{{- if .Tuned}}
        ResendQueueSize 4194304
{{- end}}
{{- if .Direct}}
        DisableExternalCache On
{{- end}}
    }
    UDP {
        IPv4_address {{.Own}}
        IPv4_Destination_Address {{.Peer}}
        Port 3780
        Interface sync0
        SndSocketBuffer {{if .Tuned}}33554432{{else}}1249280{{end}}
        RcvSocketBuffer {{if .Tuned}}268435456{{else}}1249280{{end}}
        Checksum on
    }
}
General {
    Systemd off
{{- if .Ordinary}}
    Scheduler {
        Type RR
        Priority 0
    }
{{- end}}
    HashSize {{if .Tuned}}1048576{{else}}32768{{end}}
    HashLimit {{if .Tuned}}8388608{{else}}131072{{end}}
    NetlinkBufferSize {{if .Tuned}}268435456{{else}}2097152{{end}}
    NetlinkBufferSizeMaxGrowth {{if .Tuned}}536870912{{else}}8388608{{end}}
    LogFile {{.Log}}
    LockFile {{.Lock}}
    UNIX {
        Path {{.Socket}}
    }
    Filter From Userspace {
        Address Ignore {
            IPv4_address 127.0.0.1
{{- range .Ignored}}
            IPv4_address {{.}}
{{- end}}
        }
    }
}
`))

// Render is the configuration file.
func (c Configuration) Render() string {
	var b strings.Builder
	if err := text.Execute(&b, c); err != nil {
		panic(err) // the template and its values stand above
	}
	return b.String()
}
