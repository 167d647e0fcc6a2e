package main

import (
	"reflect"
	"testing"
)

func TestParseSelections(t *testing.T) {
	tests := map[string]struct {
		annotation string
		want       []selection
	}{
		"none":     {annotation: "  "},
		"one name": {annotation: "lan", want: []selection{{Name: "lan", Namespace: "own", Interface: "net1"}}},
		"short form with everything": {
			annotation: "lan@inside, other/wan@outside,more",
			want: []selection{
				{Name: "lan", Namespace: "own", Interface: "inside"},
				{Name: "wan", Namespace: "other", Interface: "outside"},
				{Name: "more", Namespace: "own", Interface: "net3"},
			},
		},
		"list of objects": {
			annotation: `[{"name":"lan","interface":"lan","ips":["192.0.2.1/24","2001:db8::1/64"],"mac":"02:00:00:00:00:01"},
				{"name":"wan","namespace":"other"}]`,
			want: []selection{
				{
					Name: "lan", Namespace: "own", Interface: "lan",
					IPs: []string{"192.0.2.1/24", "2001:db8::1/64"}, MAC: "02:00:00:00:00:01",
				},
				{Name: "wan", Namespace: "other", Interface: "net2"},
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseSelections(test.annotation, "own")
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestParseSelectionsRefuses(t *testing.T) {
	for name, annotation := range map[string]string{
		"no name":                        "lan,,wan",
		"truncated JSON":                 `[{"name":"lan"}`,
		"a name with a path":             `[{"name":"../../secrets/x"}]`,
		"an interface's name too long":   "lan@sixteen-bytes-xx",
		"one interface for two networks": "lan@net,wan@net",
		"an address without a length":    `[{"name":"lan","ips":["192.0.2.1"]}]`,
		"an invalid hardware address":    `[{"name":"lan","mac":"02:00"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := parseSelections(annotation, "own"); err == nil {
				t.Errorf("%s became %+v", annotation, got)
			}
		})
	}
}

func TestParsePodReference(t *testing.T) {
	got := parsePodReference(
		"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=edge-primary;K8S_POD_UID=1-2;K8S_POD_INFRA_CONTAINER_ID=3")
	if want := (podReference{Namespace: "default", Name: "edge-primary", UID: "1-2"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := parsePodReference(""); got != (podReference{}) {
		t.Errorf("no arguments became %+v", got)
	}
}
