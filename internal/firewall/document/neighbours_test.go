package document_test

import "testing"

func TestNeighbours(t *testing.T) {
	for name, c := range map[string]struct{ entries, want string }{
		"a host":           {`{interface: lan, address: 192.168.50.77, mac: "02:00:5e:10:00:77"}`, ""},
		"link-local":       {`{interface: lan, address: "fe80::77", mac: "02:00:5E:10:00:77"}`, ""},
		"published":        {`{interface: wan, address: 203.0.113.80, publish: true}`, ""},
		"host and publish": {`{interface: lan, address: 192.168.50.77}`, "spec.neighbours[0]: mac or publish must be set"},
		"both": {
			`{interface: lan, address: 192.168.50.77, mac: "02:00:5e:10:00:77", publish: true}`,
			"spec.neighbours[0].mac: is not used with publish",
		},
		"of no zone": {
			`{interface: dmz, address: 192.168.50.77, mac: "02:00:5e:10:00:77"}`,
			`spec.neighbours[0].interface: unknown interface "dmz"`,
		},
		"a group": {
			`{interface: lan, address: 224.0.0.1, mac: "02:00:5e:10:00:77"}`,
			"spec.neighbours[0].address: 224.0.0.1 is not the address of a host",
		},
		"a virtual address": {
			`{interface: lan, address: 192.168.50.1, mac: "02:00:5e:10:00:77"}`,
			"spec.neighbours[0].address: 192.168.50.1 is a virtual address of the pair",
		},
		"a group's MAC": {
			`{interface: lan, address: 192.168.50.77, mac: "03:00:5e:10:00:77"}`, "spec.neighbours[0].mac: ",
		},
		"another notation": {
			`{interface: lan, address: 192.168.50.77, mac: "0200.5e10.0077"}`, "spec.neighbours[0].mac: ",
		},
		"twice": {
			`{interface: lan, address: 192.168.50.77, mac: "02:00:5e:10:00:77"}, ` +
				`{interface: lan, address: 192.168.50.77, mac: "02:00:5e:10:00:78"}`,
			"spec.neighbours[1].address: entry 0 has 192.168.50.77 on lan already",
		},
	} {
		t.Run(name, func(t *testing.T) { checkField(t, "neighbours: ["+c.entries+"]", c.want) })
	}
}
