package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/containernetworking/cni/libcni"
)

func TestAsList(t *testing.T) {
	tests := map[string]struct{ config, name, version, plugin string }{
		"a single plugin without a name": {`{"type":"macvlan","master":"lan0"}`, "given", "1.0.0", "macvlan"},
		"a single plugin":                {`{"cniVersion":"0.4.0","name":"own","type":"macvlan"}`, "own", "0.4.0", "macvlan"},
		"a list without a name":          {`{"plugins":[{"type":"bridge"}]}`, "given", "1.0.0", "bridge"},
		"a list": {
			`{"cniVersion":"0.3.1","name":"own","plugins":[{"type":"bridge"}]}`, "own", "0.3.1", "bridge",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			raw, err := asList([]byte(test.config), "given")
			if err != nil {
				t.Fatal(err)
			}
			list, err := libcni.ConfListFromBytes(raw)
			if err != nil {
				t.Fatal(err)
			}
			if list.Name != test.name || list.CNIVersion != test.version || list.Plugins[0].Network.Type != test.plugin {
				t.Errorf("asList(%s) = %s", test.config, raw)
			}
		})
	}
	if _, err := asList([]byte(`["no object"]`), "given"); err == nil {
		t.Error("a configuration that is not an object was accepted")
	}
}

func TestPlanReadsEachNetwork(t *testing.T) {
	api := fakeAPI(t, map[string]any{
		"/api/v1/namespaces/own/pods/edge":                                             pod("1", "lan@inside,other/wan"),
		"/apis/k8s.cni.cncf.io/v1/namespaces/own/network-attachment-definitions/lan":   definition(`{"type":"macvlan"}`),
		"/apis/k8s.cni.cncf.io/v1/namespaces/other/network-attachment-definitions/wan": definition(`{"type":"ipvlan"}`),
	})
	c := config{PodNetwork: json.RawMessage(`{"type":"bridge"}`)}
	attachments, err := plan(t.Context(), api, c, podReference{Namespace: "own", Name: "edge", UID: "1"}, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	var got [][2]string
	for _, a := range attachments {
		got = append(got, [2]string{a.Network, a.Interface})
	}
	want := [][2]string{{"pods", "eth0"}, {"own/lan", "inside"}, {"other/wan", "net2"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("plan = %v, want %v", got, want)
	}
}

func TestPlanRefusesAnotherPodWithSameName(t *testing.T) {
	api := fakeAPI(t, map[string]any{"/api/v1/namespaces/own/pods/edge": pod("2", "")})
	c := config{PodNetwork: json.RawMessage(`{"type":"bridge"}`)}
	_, err := plan(t.Context(), api, c, podReference{Namespace: "own", Name: "edge", UID: "1"}, "eth0")
	if err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("error = %v", err)
	}
}

func TestPlanNamesMissingNetwork(t *testing.T) {
	api := fakeAPI(t, map[string]any{"/api/v1/namespaces/own/pods/edge": pod("1", "lan")})
	c := config{PodNetwork: json.RawMessage(`{"type":"bridge"}`)}
	_, err := plan(context.Background(), api, c, podReference{Namespace: "own", Name: "edge", UID: "1"}, "eth0")
	if err == nil || !strings.Contains(err.Error(), "NetworkAttachmentDefinition own/lan") {
		t.Errorf("error = %v", err)
	}
}

func fakeAPI(t *testing.T, objects map[string]any) *apiServer {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		object, ok := objects[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if err := json.NewEncoder(w).Encode(object); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return &apiServer{url: server.URL, client: server.Client()}
}

func pod(uid, networks string) any {
	annotations := map[string]string{networksAnnotation: networks}
	return map[string]any{"metadata": map[string]any{"uid": uid, "annotations": annotations}}
}

func definition(config string) any {
	return map[string]any{"spec": map[string]string{"config": config}}
}
