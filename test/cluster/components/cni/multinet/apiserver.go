package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

// answerLimit bounds the size of an answer. A pod and a definition are both small.
const answerLimit = 4 << 20

// apiServer is a client for the three requests that the plugin makes. For these it needs no client library.
type apiServer struct {
	url    string
	client *http.Client
}

func newAPIServer(c apiServerConfig) (*apiServer, error) {
	authority, err := os.ReadFile(c.Authority)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s holds no certificate", c.Authority)
	}
	own, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return nil, fmt.Errorf("reading multinet's own certificate: %w", err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}}}
	return &apiServer{url: c.URL, client: &http.Client{Transport: transport}}, nil
}

// networksOf returns the pod's annotation. It fails if the pod was deleted and another one has its name.
func (a *apiServer) networksOf(ctx context.Context, pod podReference) (string, error) {
	var object struct {
		Metadata struct {
			UID         string            `json:"uid"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	path := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s", pod.Namespace, pod.Name)
	if err := a.call(ctx, http.MethodGet, path, nil, &object); err != nil {
		return "", fmt.Errorf("reading pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	if pod.UID != "" && pod.UID != object.Metadata.UID {
		return "", fmt.Errorf("pod %s/%s (%s) is gone: another pod (%s) has its name now",
			pod.Namespace, pod.Name, pod.UID, object.Metadata.UID)
	}
	return object.Metadata.Annotations[networksAnnotation], nil
}

// definition returns the configuration in a NetworkAttachmentDefinition.
func (a *apiServer) definition(ctx context.Context, namespace, name string) (string, error) {
	var object struct {
		Spec struct {
			Config string `json:"config"`
		} `json:"spec"`
	}
	path := fmt.Sprintf("/apis/k8s.cni.cncf.io/v1/namespaces/%s/network-attachment-definitions/%s", namespace, name)
	if err := a.call(ctx, http.MethodGet, path, nil, &object); err != nil {
		return "", fmt.Errorf("reading NetworkAttachmentDefinition %s/%s: %w", namespace, name, err)
	}
	return object.Spec.Config, nil
}

// publishStatus writes the pod's status annotation.
func (a *apiServer) publishStatus(ctx context.Context, pod podReference, statuses []networkStatus) error {
	text, err := json.Marshal(statuses)
	if err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID, "annotations": map[string]string{statusAnnotation: string(text)}},
	})
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s/status", pod.Namespace, pod.Name)
	if err := a.call(ctx, http.MethodPatch, path, patch, nil); err != nil {
		return fmt.Errorf("writing annotation %s of pod %s/%s: %w", statusAnnotation, pod.Namespace, pod.Name, err)
	}
	return nil
}

func (a *apiServer) call(ctx context.Context, method, path string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("the API server answers %s: %.300s", response.Status, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}
