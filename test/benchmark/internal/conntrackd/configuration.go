// Package conntrackd configures the program with which benchmarks compare replication, and queries its caches.
package conntrackd

import (
	"strings"
	"text/template"
)

// Program is the path of the program in Debian.
const Program = "/usr/sbin/conntrackd"

// Configuration is the configuration of conntrackd on one of two routers.
type Configuration struct {
	// Tuned sets buffers and tables for a million connections. Otherwise they are those of the packaged example.
	Tuned bool
	// Direct writes the peer's entries into the kernel at once. Otherwise they go to a cache until a failover.
	Direct bool
	// Ordinary uses the default scheduler of Linux instead of the real-time one, which is conntrackd's default. It sets
	// a priority of 0, which the kernel refuses; conntrackd then continues with the default scheduler.
	Ordinary bool
	// Own and Peer are the addresses on the link between the routers.
	Own, Peer string
	// Log, Lock and Socket are files.
	Log, Lock, Socket string
	// Ignored are addresses whose connections are not replicated.
	Ignored []string
}

// text configures FT-FW over UDP on the link between the routers. It differs from the packaged example in two points:
// it has no protocol filter, which would exclude UDP, and uses unicast, since there is only one peer.
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

// Render returns the configuration file.
func (c Configuration) Render() string {
	var b strings.Builder
	if err := text.Execute(&b, c); err != nil {
		panic(err) // the template and its values are constants above
	}
	return b.String()
}
