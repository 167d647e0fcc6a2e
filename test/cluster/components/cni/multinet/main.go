package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/version"
)

// callTimeout bounds one call of the plugin. The runtime repeats a failed call.
const callTimeout = 30 * time.Second

func main() {
	skel.PluginMainFuncs(skel.CNIFuncs{
		Add:   bounded(add),
		Del:   bounded(del),
		Check: bounded(check),
		// The plugin is ready if it can be run. Each call checks the plugins that it runs.
		Status: func(*skel.CmdArgs) error { return nil },
		// There is no garbage to collect: records are removed with their pods.
		GC: func(*skel.CmdArgs) error { return nil },
	}, version.All, "multinet: attaches pods to the networks that their annotation names")
}

func bounded(call func(context.Context, *skel.CmdArgs) error) func(*skel.CmdArgs) error {
	return func(args *skel.CmdArgs) error {
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		return call(ctx, args)
	}
}

// add attaches a pod to all of its networks or, after an error, to none.
func add(ctx context.Context, args *skel.CmdArgs) error {
	config, err := parseConfig(args.StdinData)
	if err != nil {
		return err
	}
	api, err := newAPIServer(config.APIServer)
	if err != nil {
		return err
	}
	pod := parsePodReference(args.Args)
	attachments, err := plan(ctx, api, config, pod, args.IfName)
	if err != nil {
		return err
	}
	// Write the record first, so that DEL can clean up after a crash.
	if err := writeRecord(args.ContainerID, attachments); err != nil {
		return err
	}
	results := make([]types.Result, 0, len(attachments))
	for _, a := range attachments {
		result, err := a.add(ctx, args)
		if err != nil {
			return errors.Join(err, del(ctx, args))
		}
		results = append(results, result)
	}
	if len(attachments) > 1 {
		if err := api.publishStatus(ctx, pod, newStatus(attachments, results)); err != nil {
			// The pod is attached. A missing status annotation is no reason to fail.
			fmt.Fprintln(os.Stderr, "multinet:", err)
		}
	}
	return types.PrintResult(results[0], config.CNIVersion)
}

// del detaches a pod in reverse order. A pod without a record was never attached.
func del(ctx context.Context, args *skel.CmdArgs) error {
	attachments, err := readRecord(args.ContainerID)
	if err != nil {
		return err
	}
	var errs []error
	for i := len(attachments) - 1; i >= 0; i-- {
		errs = append(errs, attachments[i].del(ctx, args))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return removeRecord(args.ContainerID)
}

func check(ctx context.Context, args *skel.CmdArgs) error {
	attachments, err := readRecord(args.ContainerID)
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range attachments {
		errs = append(errs, a.check(ctx, args))
	}
	return errors.Join(errs...)
}
