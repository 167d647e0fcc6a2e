package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
)

// attachment is one network of one pod. It has everything that is needed to add and delete it.
type attachment struct {
	Network   string          `json:"network"` // NAMESPACE/NAME, or the pods' network
	Interface string          `json:"interface"`
	Plugins   json.RawMessage `json:"plugins"` // a CNI network configuration list
	IPs       []string        `json:"ips,omitempty"`
	MAC       string          `json:"mac,omitempty"`
}

// plan returns the attachments of a pod. The cluster's pod network is the first.
func plan(ctx context.Context, api *apiServer, c config, pod podReference, first string) ([]attachment, error) {
	plugins, err := asList(c.PodNetwork, "pods")
	if err != nil {
		return nil, fmt.Errorf("podNetwork of multinet's configuration: %w", err)
	}
	attachments := []attachment{{Network: "pods", Interface: first, Plugins: plugins}}
	if pod.Name == "" {
		return attachments, nil
	}
	annotation, err := api.networksOf(ctx, pod)
	if err != nil {
		return nil, err
	}
	selections, err := parseSelections(annotation, pod.Namespace)
	if err != nil {
		return nil, fmt.Errorf("annotation %s of pod %s/%s: %w", networksAnnotation, pod.Namespace, pod.Name, err)
	}
	for _, s := range selections {
		definition, err := api.definition(ctx, s.Namespace, s.Name)
		if err != nil {
			return nil, err
		}
		plugins, err := asList([]byte(definition), s.Name)
		if err != nil {
			return nil, fmt.Errorf("spec.config of NetworkAttachmentDefinition %s/%s: %w", s.Namespace, s.Name, err)
		}
		attachments = append(attachments, attachment{
			Network: s.Namespace + "/" + s.Name, Interface: s.Interface, Plugins: plugins, IPs: s.IPs, MAC: s.MAC,
		})
	}
	return attachments, nil
}

// asList converts the configuration of a single plugin into a list, and sets the name of a list without one.
func asList(raw []byte, name string) (json.RawMessage, error) {
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	list := map[string]any{"name": name, "cniVersion": "1.0.0"}
	for key := range list {
		if value, ok := object[key]; ok {
			list[key] = value
		}
	}
	if object["plugins"] == nil {
		list["plugins"] = []any{object}
		return json.Marshal(list)
	}
	for key, value := range list {
		object[key] = value
	}
	return json.Marshal(object)
}

func (a attachment) add(ctx context.Context, args *skel.CmdArgs) (types.Result, error) {
	list, err := libcni.ConfListFromBytes(a.Plugins)
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", a.Network, err)
	}
	result, err := runner(args).AddNetworkList(ctx, list, a.runtime(args))
	if err != nil {
		return nil, fmt.Errorf("attaching %s to network %s: %w", a.Interface, a.Network, err)
	}
	return result, nil
}

func (a attachment) del(ctx context.Context, args *skel.CmdArgs) error {
	list, err := libcni.ConfListFromBytes(a.Plugins)
	if err != nil {
		return fmt.Errorf("network %s: %w", a.Network, err)
	}
	if err := runner(args).DelNetworkList(ctx, list, a.runtime(args)); err != nil {
		return fmt.Errorf("detaching %s from network %s: %w", a.Interface, a.Network, err)
	}
	return nil
}

func (a attachment) check(ctx context.Context, args *skel.CmdArgs) error {
	list, err := libcni.ConfListFromBytes(a.Plugins)
	if err != nil {
		return fmt.Errorf("network %s: %w", a.Network, err)
	}
	if err := runner(args).CheckNetworkList(ctx, list, a.runtime(args)); err != nil {
		return fmt.Errorf("checking %s on network %s: %w", a.Interface, a.Network, err)
	}
	return nil
}

// runtime returns the arguments for the plugins: the container, the interface, and the requested addresses.
func (a attachment) runtime(args *skel.CmdArgs) *libcni.RuntimeConf {
	runtime := &libcni.RuntimeConf{
		ContainerID: args.ContainerID, NetNS: args.Netns, IfName: a.Interface, CapabilityArgs: map[string]any{},
	}
	for pair := range strings.SplitSeq(args.Args, ";") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			runtime.Args = append(runtime.Args, [2]string{key, value})
		}
	}
	if len(a.IPs) > 0 {
		runtime.CapabilityArgs["ips"] = a.IPs
	}
	if a.MAC != "" {
		runtime.CapabilityArgs["mac"] = a.MAC
	}
	return runtime
}

// runner runs plugins from the directory of this one. Its cache of results is separate from that of the runtime.
func runner(args *skel.CmdArgs) *libcni.CNIConfig {
	return libcni.NewCNIConfigWithCacheDir(filepath.SplitList(args.Path), filepath.Join(recordDir, "results"), nil)
}
